// SPDX-License-Identifier: BSD-2-Clause
#include "formats/standard_fds.h"

#include <fcntl.h>
#include <unistd.h>

void standard_fds_keep(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0)
			(void)open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY); /* the lowest that is free: this one */
}
