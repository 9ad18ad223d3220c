/*
 * Shifts the wall clock of one process, for tests of clock jumps: LD_PRELOAD this library and name a file that holds
 * the shift in whole milliseconds, as text, in SHIFT_CLOCK_FILE. The file is read again at every question, so a test
 * moves the clock of a running process by writing it. The monotonic clocks are left alone.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static long long shift_ms(void) {
  const char *path = getenv("SHIFT_CLOCK_FILE");
  char text[32] = {0};
  int fd;
  ssize_t length;
  if (path == NULL) return 0;
  fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  length = read(fd, text, sizeof text - 1);
  close(fd);
  return length <= 0 ? 0 : atoll(text);
}

static long long shifted_ns(const struct timespec *now) {
  return (long long)now->tv_sec * 1000000000LL + now->tv_nsec + shift_ms() * 1000000LL;
}

int clock_gettime(clockid_t id, struct timespec *now) {
  static int (*real)(clockid_t, struct timespec *);
  int result;
  long long ns;
  if (real == NULL) real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
  result = real(id, now);
  if (result != 0 || (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE)) return result;
  ns = shifted_ns(now);
  now->tv_sec = (time_t)(ns / 1000000000LL);
  now->tv_nsec = (long)(ns % 1000000000LL);
  return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
  struct timespec at;
  (void)zone;
  if (clock_gettime(CLOCK_REALTIME, &at) != 0) return -1;
  now->tv_sec = at.tv_sec;
  now->tv_usec = at.tv_nsec / 1000;
  return 0;
}

time_t time(time_t *out) {
  struct timespec at;
  if (clock_gettime(CLOCK_REALTIME, &at) != 0) return (time_t)-1;
  if (out != NULL) *out = at.tv_sec;
  return at.tv_sec;
}
