/*
 * A disk that stalls: preloaded, it makes fsync() and fdatasync() of files in FSYNC_STALL_FOLDER take FSYNC_STALL_MS longer
 * for as long as the file FSYNC_STALL_SWITCH exists. Each stall adds a byte to that file, so that it can be seen.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STEP_MS 20

static int is_in_folder(int fd)
{
	const char *folder = getenv("FSYNC_STALL_FOLDER");
	char link[64], path[4096];
	ssize_t length;

	if (folder == NULL)
		return 0;
	snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof path - 1);
	if (length < 0)
		return 0;
	path[length] = '\0';
	return strncmp(path, folder, strlen(folder)) == 0;
}

static void stall(int fd)
{
	const char *control = getenv("FSYNC_STALL_SWITCH");
	const char *ms = getenv("FSYNC_STALL_MS");
	const struct timespec step = { 0, STEP_MS * 1000000L };
	int left_ms, told;

	if (control == NULL || ms == NULL || access(control, F_OK) != 0 || !is_in_folder(fd))
		return;
	told = open(control, O_WRONLY | O_APPEND);
	if (told >= 0) {
		if (write(told, ".", 1) != 1)
			abort();
		close(told);
	}
	for (left_ms = atoi(ms); left_ms > 0 && access(control, F_OK) == 0; left_ms -= STEP_MS)
		nanosleep(&step, NULL);
}

int fsync(int fd)
{
	static int (*next)(int);

	if (next == NULL)
		next = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
	stall(fd);
	return next(fd);
}

int fdatasync(int fd)
{
	static int (*next)(int);

	if (next == NULL)
		next = (int (*)(int))dlsym(RTLD_NEXT, "fdatasync");
	stall(fd);
	return next(fd);
}
