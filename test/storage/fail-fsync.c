/*
 * A disk whose fsync fails or takes its time: LD_PRELOAD this library and name a folder in FAIL_FSYNC_FOLDER and a control file in
 * FAIL_FSYNC_CONTROL. The control file is one line,
 *
 *     <generation> <eio|stall> <from> <to> <stallMs> <part of the file's name>
 *
 * and is read at every fsync() or fdatasync() of a file in the folder. Calls that fit the name are counted from 1 in every
 * generation; those from <from> to <to> fail with EIO, or take <stallMs> longer, for as long as the line stands. Each call that
 * was hit adds a byte to the file <control>.hits. Without a control file the disk is well.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STEP_MS 20

struct plan {
  long generation, from, to, stall_ms;
  char mode[16], name[128];
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long counted_generation = -1, counted;

static int read_plan(struct plan *plan) {
  const char *path = getenv("FAIL_FSYNC_CONTROL");
  char text[256] = {0};
  int fd;
  ssize_t length;
  if (path == NULL) return 0;
  fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  length = read(fd, text, sizeof text - 1);
  close(fd);
  if (length <= 0) return 0;
  return sscanf(text, "%ld %15s %ld %ld %ld %127s", &plan->generation, plan->mode, &plan->from, &plan->to,
                &plan->stall_ms, plan->name) == 6;
}

static int is_meant(int fd, const struct plan *plan) {
  const char *folder = getenv("FAIL_FSYNC_FOLDER");
  char link[64], path[4096];
  ssize_t length;
  if (folder == NULL) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = '\0';
  return strncmp(path, folder, strlen(folder)) == 0 && strstr(path + strlen(folder), plan->name) != NULL;
}

static int is_hit(const struct plan *plan) {
  long number;
  pthread_mutex_lock(&mutex);
  if (counted_generation != plan->generation) counted = 0;
  counted_generation = plan->generation;
  number = ++counted;
  pthread_mutex_unlock(&mutex);
  return number >= plan->from && number <= plan->to;
}

static void tell_hit(void) {
  char path[4096];
  int fd;
  snprintf(path, sizeof path, "%s.hits", getenv("FAIL_FSYNC_CONTROL"));
  fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) abort();
  if (write(fd, ".", 1) != 1) abort();
  close(fd);
}

static void stall(const struct plan *plan) {
  const struct timespec step = {0, STEP_MS * 1000000L};
  struct plan now;
  long left_ms;
  for (left_ms = plan->stall_ms; left_ms > 0; left_ms -= STEP_MS) {
    if (!read_plan(&now) || now.generation != plan->generation) return;
    nanosleep(&step, NULL);
  }
}

static int sync_with(const char *name, int (**next)(int), int fd) {
  struct plan plan;
  if (*next == NULL) *next = (int (*)(int))dlsym(RTLD_NEXT, name);
  if (!read_plan(&plan) || !is_meant(fd, &plan) || !is_hit(&plan)) return (*next)(fd);
  tell_hit();
  if (strcmp(plan.mode, "eio") == 0) {
    errno = EIO;
    return -1;
  }
  stall(&plan);
  return (*next)(fd);
}

int fsync(int fd) {
  static int (*next)(int);
  return sync_with("fsync", &next, fd);
}

int fdatasync(int fd) {
  static int (*next)(int);
  return sync_with("fdatasync", &next, fd);
}
