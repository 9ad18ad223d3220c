/*
 * LD_PRELOAD library that records what a program does to the files of one folder, in order: what was written where, and
 * what was synced. From the record, test/torture/disk.ts builds the disks that a power cut could have left behind.
 *
 *   RECORD_FOLDER  absolute path of the folder; files below it are recorded, those ending in -shm are not
 *   RECORD_TO      the record
 *
 * One entry, little-endian: u8 kind, u8 0, u16 length of name, u16 length of other name, u16 0, i64 offset or size,
 * u32 length of data; then name, other name, data. A name is relative to the folder; the folder itself is "".
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CREATE = 1, WRITE = 2, TRUNCATE = 3, UNLINK = 4, RENAME = 5, SYNC = 6 };
enum { MOST_FDS = 4096, LONGEST_NAME = 256 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char names[MOST_FDS][LONGEST_NAME];
static char open_here[MOST_FDS];
static char appends[MOST_FDS];
static int record_fd = -1;
static const char *folder;
static size_t folder_length;

__attribute__((constructor)) static void begin(void) {
  const char *to = getenv("RECORD_TO");
  folder = getenv("RECORD_FOLDER");
  if (to == NULL || folder == NULL) return;
  folder_length = strlen(folder);
  record_fd = (int)syscall(SYS_openat, AT_FDCWD, to, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* The name inside the folder; NULL when the path is elsewhere or of no interest. */
static const char *inside(const char *path) {
  if (record_fd < 0 || path == NULL || strncmp(path, folder, folder_length) != 0) return NULL;
  const char *rest = path + folder_length;
  if (*rest != '\0' && *rest != '/') return NULL;
  while (*rest == '/') rest++;
  size_t length = strlen(rest);
  if (length >= LONGEST_NAME || (length >= 4 && strcmp(rest + length - 4, "-shm") == 0)) return NULL;
  return rest;
}

static const char *name_of(int fd) { return fd >= 0 && fd < MOST_FDS && open_here[fd] ? names[fd] : NULL; }

/* A record that cannot be written would prove nothing: better no program than no proof. */
static void put(const void *bytes, size_t length) {
  const char *from = bytes;
  while (length > 0) {
    long written = syscall(SYS_write, record_fd, from, length);
    if (written <= 0) abort();
    from += written;
    length -= (size_t)written;
  }
}

static void entry(uint8_t kind, const char *name, const char *other, int64_t offset, const void *data, uint32_t length) {
  uint8_t head[20] = {kind};
  uint16_t name_length = (uint16_t)strlen(name), other_length = (uint16_t)strlen(other);
  memcpy(head + 2, &name_length, 2);
  memcpy(head + 4, &other_length, 2);
  memcpy(head + 8, &offset, 8);
  memcpy(head + 16, &length, 4);
  put(head, sizeof head);
  put(name, name_length);
  put(other, other_length);
  put(data, length);
}

#define REAL(result, name, ...) \
  static result (*real)(__VA_ARGS__); \
  if (real == NULL) real = (result(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

static int opened(const char *path, int flags, mode_t mode) {
  const char *name = inside(path);
  if (name == NULL) return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
  pthread_mutex_lock(&lock);
  int is_new = (flags & O_CREAT) != 0 && access(path, F_OK) != 0;
  int fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
  if (fd >= 0 && fd < MOST_FDS) {
    strcpy(names[fd], name);
    open_here[fd] = 1;
    appends[fd] = (flags & O_APPEND) != 0;
    if (is_new) entry(CREATE, name, "", 0, "", 0);
    else if (flags & O_TRUNC) entry(TRUNCATE, name, "", 0, "", 0);
  }
  pthread_mutex_unlock(&lock);
  return fd;
}

#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { \
      va_list rest; \
      va_start(rest, flags); \
      mode = (mode_t)va_arg(rest, int); \
      va_end(rest); \
    } \
    return opened(path, flags, mode); \
  }
OPEN(open)
OPEN(open64)

int close(int fd) {
  REAL(int, close, int);
  if (name_of(fd) != NULL) {
    pthread_mutex_lock(&lock);
    open_here[fd] = 0;
    pthread_mutex_unlock(&lock);
  }
  return real(fd);
}

/* Where the next write() of this file goes. */
static int64_t position(int fd) { return lseek(fd, 0, appends[fd] ? SEEK_END : SEEK_CUR); }

ssize_t write(int fd, const void *data, size_t length) {
  REAL(ssize_t, write, int, const void *, size_t);
  const char *name = name_of(fd);
  if (name == NULL) return real(fd, data, length);
  pthread_mutex_lock(&lock);
  int64_t offset = position(fd);
  ssize_t written = real(fd, data, length);
  if (written > 0) entry(WRITE, name, "", offset, data, (uint32_t)written);
  pthread_mutex_unlock(&lock);
  return written;
}

#define PWRITE(name_, offset_type) \
  ssize_t name_(int fd, const void *data, size_t length, offset_type offset) { \
    REAL(ssize_t, name_, int, const void *, size_t, offset_type); \
    const char *name = name_of(fd); \
    if (name == NULL) return real(fd, data, length, offset); \
    pthread_mutex_lock(&lock); \
    ssize_t written = real(fd, data, length, offset); \
    if (written > 0) entry(WRITE, name, "", offset, data, (uint32_t)written); \
    pthread_mutex_unlock(&lock); \
    return written; \
  }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

/* Nothing that is recorded writes in several pieces at once; if it ever does, the record would lie. */
ssize_t writev(int fd, const struct iovec *pieces, int count) {
  REAL(ssize_t, writev, int, const struct iovec *, int);
  if (name_of(fd) != NULL) abort();
  return real(fd, pieces, count);
}

#define FTRUNCATE(name_, offset_type) \
  int name_(int fd, offset_type size) { \
    REAL(int, name_, int, offset_type); \
    const char *name = name_of(fd); \
    if (name == NULL) return real(fd, size); \
    pthread_mutex_lock(&lock); \
    int failed = real(fd, size); \
    if (!failed) entry(TRUNCATE, name, "", size, "", 0); \
    pthread_mutex_unlock(&lock); \
    return failed; \
  }
FTRUNCATE(ftruncate, off_t)
FTRUNCATE(ftruncate64, off64_t)

#define FSYNC(name_) \
  int name_(int fd) { \
    REAL(int, name_, int); \
    const char *name = name_of(fd); \
    if (name == NULL) return real(fd); \
    pthread_mutex_lock(&lock); \
    int failed = real(fd); \
    if (!failed) entry(SYNC, name, "", 0, "", 0); \
    pthread_mutex_unlock(&lock); \
    return failed; \
  }
FSYNC(fsync)
FSYNC(fdatasync)

/* Files are removed in three ways; all of them end here. */
static int removed(int at, const char *path, int flags) {
  char whole[4096], link[64];
  const char *absolute = path;
  if (at != AT_FDCWD && path[0] != '/') {
    snprintf(link, sizeof link, "/proc/self/fd/%d", at);
    ssize_t length = readlink(link, whole, sizeof whole - LONGEST_NAME);
    if (length < 0) return (int)syscall(SYS_unlinkat, at, path, flags);
    snprintf(whole + length, sizeof whole - (size_t)length, "/%s", path);
    absolute = whole;
  }
  const char *name = inside(absolute);
  pthread_mutex_lock(&lock);
  int failed = (int)syscall(SYS_unlinkat, at, path, flags);
  if (!failed && name != NULL && flags == 0) entry(UNLINK, name, "", 0, "", 0);
  pthread_mutex_unlock(&lock);
  return failed;
}

int unlink(const char *path) { return removed(AT_FDCWD, path, 0); }
int unlinkat(int at, const char *path, int flags) { return removed(at, path, flags); }
int remove(const char *path) {
  int failed = removed(AT_FDCWD, path, 0);
  return failed && errno == EISDIR ? removed(AT_FDCWD, path, AT_REMOVEDIR) : failed;
}

int rename(const char *from, const char *to) {
  REAL(int, rename, const char *, const char *);
  const char *name = inside(from), *other = inside(to);
  if (name == NULL || other == NULL) return real(from, to);
  pthread_mutex_lock(&lock);
  int failed = real(from, to);
  if (!failed) entry(RENAME, name, other, 0, "", 0);
  pthread_mutex_unlock(&lock);
  return failed;
}
