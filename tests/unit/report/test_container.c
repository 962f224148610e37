// SPDX-License-Identifier: BSD-2-Clause
#include "report/container.h"

#include "tests/test.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const struct {
	const char *path, *id, *runtime, *pod;
} cases[] = {
	{ "/", "", "", "" },
	{ "/system.slice/ssh.service", "", "", "" },
	{ "/system.slice/docker-" ID ".scope", ID, "docker", "" },
	{ "/docker/" ID, ID, "docker", "" },
	{ "/docker/" ID "/init.scope", ID, "docker", "" },
	{ "/machine.slice/libpod-" ID ".scope", ID, "podman", "" },
	{ "/machine.slice/libpod-conmon-" ID ".scope", "", "", "" },
	{ "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod12345678_1234_1234_1234_123456789abc.slice/cri-containerd-" ID ".scope", ID, "containerd",
	  "12345678-1234-1234-1234-123456789abc" },
	{ "/kubepods.slice/kubepods-pod12345678_1234_1234_1234_123456789abc.slice/crio-" ID ".scope", ID, "crio", "12345678-1234-1234-1234-123456789abc" },
	{ "/kubepods/besteffort/pod12345678-1234-1234-1234-123456789abc/" ID, ID, "containerd", "12345678-1234-1234-1234-123456789abc" },
	{ "/kubepods/burstable/pod0123456789abcdef0123456789abcdef/" ID, ID, "containerd", "0123456789abcdef0123456789abcdef" },
	{ "/lxc/web", "web", "lxc", "" },
	{ "/lxc.payload.web/system.slice/x.service", "web", "lxc", "" },
	{ "/machine.slice/machine-deb.scope", "deb", "nspawn", "" },
	{ "/system.slice/docker-abc.scope", "", "", "" },
	{ "/user.slice/podman-tests/" "x", "", "", "" },
};

TEST(container_is_found_in_every_runtimes_path)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct container c;

		container_parse(cases[i].path, &c);
		CHECK_STR(c.id, cases[i].id);
		CHECK_STR(c.runtime, cases[i].runtime);
		CHECK_STR(c.pod_uid, cases[i].pod);
	}
}

TEST(container_survives_long_names)
{
	static char path[5000];
	struct container c;

	memset(path, 'a', sizeof(path) - 1);
	memcpy(path, "/lxc/", 5);
	container_parse(path, &c);
	CHECK_STR(c.id, "");
	memcpy(path, "/kubepods/pod", 13);
	container_parse(path, &c);
	CHECK_STR(c.pod_uid, "");
}

TEST_MAIN()
