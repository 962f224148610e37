# SPDX-License-Identifier: BSD-2-Clause
# bash completion for varve-report(1)

_varve_report_flags() { # command: the options it has
	local rest="--quiet -v --verbose -V --version -h --help" threads="--pid --tid --comm --cgroup --recording"
	local names="--symfs --debug-dir --kallsyms --debuginfod --no-inline --demangle --jobs --progress"
	local filters="--event --weight $threads --cpu --state --time --where"

	case $1 in
	db) echo "-o --output --min-named $names $rest" ;;
	folded) echo "-o --output $filters --offwake $names $rest" ;;
	top) echo "-o --output --by -n --limit $filters $names $rest" ;;
	sql) echo "-o --output -q --query --list --format $threads --time $names $rest" ;;
	schema) echo "-o --output $rest" ;;
	info) echo "-o --output --missing --min-named $threads $names $rest" ;;
	verify) echo "--json $rest" ;;
	flame) echo "-o --output --format --diff --chart --callers --icicle --no-icicle $filters --offwake $names $rest" ;;
	export) echo "-o --output --format $filters $names $rest" ;;
	bundle) echo "-o --output --symfs --debug-dir $rest" ;;
	*) echo "$threads --time --color $names $rest" ;;
	esac
}

_varve_report_formats() { # command
	case $1 in
	sql) echo "table csv json ndjson" ;;
	flame) echo "html svg" ;;
	export) echo "pprof speedscope perfetto firefox perf-script" ;;
	esac
}

_varve_report() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} words=""
	COMPREPLY=()
	# bash takes --event=off-cpu apart at the =
	if [[ $cur == "=" ]]; then
		cur=""
	elif [[ $prev == "=" && COMP_CWORD -gt 2 ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	fi

	case $prev in
	--event) words="on-cpu off-cpu run-queue wakeup oom" ;;
	--weight) words="samples ns" ;;
	--color) words="auto always never" ;;
	--progress) words="auto never" ;;
	--demangle) words="full short none" ;;
	--by) words="function module line comm thread process cgroup recording" ;;
	--format) words=$(_varve_report_formats "$command") ;;
	--query) words=$("${COMP_WORDS[0]}" sql --list 2>/dev/null | cut -d' ' -f1) ;;
	-q) [[ $command == sql ]] && words=$("${COMP_WORDS[0]}" sql --list 2>/dev/null | cut -d' ' -f1) ;;
	--debug-dir)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	-n | --limit | --min-named | --pid | --tid | --comm | --cgroup | --recording | --cpu | --state | --time | --where | --jobs) return ;;
	-o | --output | --diff | --kallsyms | --symfs) ;;
	*)
		if [[ $cur == -* ]]; then
			words=$(_varve_report_flags "$command")
		elif ((COMP_CWORD == 1)); then
			words="db folded top sql schema info verify flame export bundle"
		fi
		;;
	esac
	if [[ -n $words ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
		((COMP_CWORD > 1)) || [[ $cur == -* ]] && return
	fi
	compopt -o filenames 2>/dev/null
	mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$cur")
}
complete -F _varve_report varve-report
