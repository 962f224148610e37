# SPDX-License-Identifier: BSD-2-Clause
# bash completion for varve-record(1)

_varve_record_list() { # words; completes the last element of a comma list
	local head=""
	[[ $cur == *,* ]] && head=${cur%,*},
	mapfile -t COMPREPLY < <(compgen -P "$head" -W "$1" -- "${cur##*,}")
	compopt -o nospace
}

_varve_record() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} i
	local flags="-a --all-cpus -p --pid -t --tid -u --uid -G --cgroup -C --cpu --comm --no-comm --no-kthreads
		-i --no-inherit -e --event --list -F --freq --off-cpu-thresh -g --stacks --max-stack --call-graph
		--no-stack-slices -o --output -f --force -z --compression-level --sync --rotate --keep --max-size
		--min-free --flight --snapshot-on --tail --symbols --bundle --cmdline --redact --anonymize --duration --check -q --quiet -v --verbose --json --progress -V --version -h --help"
	local with_arg=" -p --pid -t --tid -u --uid -G --cgroup -C --cpu --comm --no-comm -e --event -F --freq
		--off-cpu-thresh --max-stack --call-graph -o --output -z --compression-level --sync --rotate
		--keep --max-size --min-free --flight --snapshot-on --tail --symbols --bundle
		--cmdline --redact --duration --progress "
	COMPREPLY=()

	# behind the command everything is the command's
	for ((i = 1; i < COMP_CWORD; i++)); do
		if [[ ${COMP_WORDS[i]} == -- ]]; then
			i=$((i + 1))
			break
		fi
		if [[ $with_arg =~ [[:space:]]"${COMP_WORDS[i]}"[[:space:]] ]]; then
			i=$((i + 1))
		elif [[ ${COMP_WORDS[i]} != -* ]]; then
			break
		fi
	done
	if ((i < COMP_CWORD)) && declare -F _command_offset >/dev/null; then
		_command_offset "$i"
		return
	elif ((i == COMP_CWORD)) && [[ ${COMP_WORDS[i - 1]} == -- ]]; then
		mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		return
	fi

	case $prev in
	-p | --pid | -t | --tid) _varve_record_list "$(cd /proc && echo [0-9]*)" ;;
	-u | --uid) mapfile -t COMPREPLY < <(compgen -u -- "$cur") ;;
	-G | --cgroup) mapfile -t COMPREPLY < <(compgen -d -- "${cur:-/sys/fs/cgroup/}") ;;
	-e | --event) _varve_record_list "on-cpu off-cpu sched oom task all" ;;
	-F | --freq) mapfile -t COMPREPLY < <(compgen -W "49 99 499 999 max" -- "$cur") ;;
	--call-graph) mapfile -t COMPREPLY < <(compgen -W "auto fp none" -- "$cur") ;;
	--symbols) mapfile -t COMPREPLY < <(compgen -W "hit all none" -- "$cur") ;;
	--cmdline) mapfile -t COMPREPLY < <(compgen -W "none first full" -- "$cur") ;;
	--progress) mapfile -t COMPREPLY < <(compgen -W "auto never" -- "$cur") ;;
	-o | --output | --bundle) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	--rotate) mapfile -t COMPREPLY < <(compgen -W "64M 10m" -- "$cur") ;;
	--keep) mapfile -t COMPREPLY < <(compgen -W "8 512M 1h" -- "$cur") ;;
	--flight) mapfile -t COMPREPLY < <(compgen -W "30s 32M" -- "$cur") ;;
	--snapshot-on) _varve_record_list "oom off-cpu> run-queue> psi-mem> exit!=0" ;;
	--max-size | --min-free) mapfile -t COMPREPLY < <(compgen -W "500M 2G" -- "$cur") ;;
	-C | --cpu | --comm | --no-comm | --off-cpu-thresh | --max-stack | -z | --compression-level | --sync | --redact | --duration | --tail) ;;
	*)
		if [[ $cur == -* ]]; then
			mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		fi
		;;
	esac
}
complete -F _varve_record varve-record
