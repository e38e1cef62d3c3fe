// Preloaded into backup-db and restore-db by the tests: counts what they do to files below
// FAULT_ROOT, and lets operation number FAULT_AT fail, come out short, or be the last one. It can
// also write down every operation, from which the tests work out what a power cut would leave.
//
//   FAULT_ROOT   the folder that counts
//   FAULT_AT     the number of the operation, from 1; 0 or unset: none
//   FAULT_HOW    eio, enospc, short or kill
//   FAULT_STICKY set: every operation from then on
//   FAULT_NO_SYNC set: nothing is made to last, and nothing is said about it
//   FAULT_COUNT  a file that is told how many operations there were
//   FAULT_TRACE  a file that is told what they were
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum kind { WRITE = 'w', SYNC = 's', RENAME = 'r', UNLINK = 'u', MAKE = 'm', TRUNCATE = 't', CREATE = 'c', READ = 'd', OPEN = 'o', RMDIR = 'x' };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static long count;
static long fault_at;
static const char *root, *how = "eio";
static int sticky, no_sync, trace = -1, ready;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static void begin(void) {
  if (ready) return;
  ready = 1;
  root = getenv("FAULT_ROOT");
  if (getenv("FAULT_AT")) fault_at = atol(getenv("FAULT_AT"));
  if (getenv("FAULT_HOW")) how = getenv("FAULT_HOW");
  sticky = getenv("FAULT_STICKY") != NULL;
  no_sync = getenv("FAULT_NO_SYNC") != NULL;
  if (getenv("FAULT_TRACE")) trace = (int)syscall(SYS_openat, AT_FDCWD, getenv("FAULT_TRACE"), O_CREAT | O_WRONLY | O_APPEND, 0600);
}

__attribute__((destructor)) static void end(void) {
  const char *file = getenv("FAULT_COUNT");
  if (!file) return;
  char text[32];
  int length = snprintf(text, sizeof text, "%ld", count);
  int fd = (int)syscall(SYS_openat, AT_FDCWD, file, O_CREAT | O_WRONLY | O_TRUNC, 0600);
  syscall(SYS_write, fd, text, length);
}

static int counts(const char *path) {
  begin();
  return root && path && strncmp(path, root, strlen(root)) == 0;
}

static int path_of(int fd, char *path, size_t size) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, size - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return counts(path);
}

static void number(uint64_t value) { syscall(SYS_write, trace, &value, sizeof value); }

static void text(const char *value) {
  uint64_t length = value ? strlen(value) : 0;
  number(length);
  if (length) syscall(SYS_write, trace, value, length);
}

// Writes down an operation that was done. The lock is held.
static void note(enum kind kind, const char *path, const char *other, uint64_t at, const void *data, uint64_t length) {
  if (trace < 0 || kind == READ || kind == OPEN) return;
  char name = (char)kind;
  syscall(SYS_write, trace, &name, 1);
  text(path);
  text(other);
  number(at);
  number(length);
  if (data) syscall(SYS_write, trace, data, length);
}

// Whether this operation is to fail: its errno, or -1 for a short write. The lock is held.
static int fault(enum kind kind) {
  // A full disk stops no reading and no removing.
  int grows = kind == WRITE || kind == CREATE || kind == MAKE || kind == RENAME || kind == SYNC;
  if (!strcmp(how, "enospc") && !grows) return 0;
  if (!strcmp(how, "short") && kind != WRITE) return 0;
  count++;
  if (!fault_at || count < fault_at || (count > fault_at && !sticky)) return 0;
  if (!strcmp(how, "kill")) syscall(SYS_kill, getpid(), SIGKILL);
  if (!strcmp(how, "enospc")) return ENOSPC;
  return strcmp(how, "short") ? EIO : -1;
}

static ssize_t do_write(int fd, const void *data, size_t length, off_t at, int positioned) {
  char path[4096];
  int saved = errno;
  int ours = path_of(fd, path, sizeof path);
  errno = saved;
  if (!ours) return positioned ? syscall(SYS_pwrite64, fd, data, length, at) : syscall(SYS_write, fd, data, length);
  pthread_mutex_lock(&lock);
  int error = fault(WRITE);
  ssize_t done;
  if (error > 0) {
    errno = error;
    done = -1;
  } else {
    if (error < 0 && length > 1) length /= 2;
    off_t start = positioned ? at : (off_t)syscall(SYS_lseek, fd, 0, SEEK_CUR);
    done = positioned ? syscall(SYS_pwrite64, fd, data, length, at) : syscall(SYS_write, fd, data, length);
    if (done > 0) note(WRITE, path, NULL, (uint64_t)start, data, (uint64_t)done);
  }
  pthread_mutex_unlock(&lock);
  return done;
}

ssize_t write(int fd, const void *data, size_t length) { return do_write(fd, data, length, 0, 0); }
ssize_t pwrite(int fd, const void *data, size_t length, off_t at) { return do_write(fd, data, length, at, 1); }
ssize_t pwrite64(int fd, const void *data, size_t length, off64_t at) { return do_write(fd, data, length, at, 1); }

// Without these the standard library goes on with read and write.
ssize_t copy_file_range(int a, off64_t *b, int c, off64_t *d, size_t e, unsigned f) { (void)a, (void)b, (void)c, (void)d, (void)e, (void)f; errno = ENOSYS; return -1; }
ssize_t sendfile(int a, int b, off_t *c, size_t d) { (void)a, (void)b, (void)c, (void)d; errno = ENOSYS; return -1; }
ssize_t sendfile64(int a, int b, off64_t *c, size_t d) { (void)a, (void)b, (void)c, (void)d; errno = ENOSYS; return -1; }

// Runs `call` as an operation on the file or folder PATH; what follows is written down when it is done.
#define OPERATION(kind, path, call, noted)      \
  do {                                          \
    pthread_mutex_lock(&lock);                  \
    int error = fault(kind);                    \
    int done = -1;                              \
    if (error > 0) errno = error;               \
    else if ((done = (int)(call)) >= 0) noted;  \
    pthread_mutex_unlock(&lock);                \
    return done;                                \
  } while (0)

#define ON_FD(kind, fd, call, noted)                       \
  do {                                                     \
    char path[4096];                                       \
    if (!path_of(fd, path, sizeof path)) return (call);    \
    OPERATION(kind, path, call, noted);                    \
  } while (0)

int fsync(int fd) { ON_FD(SYNC, fd, no_sync ? 0 : syscall(SYS_fsync, fd), note(SYNC, path, NULL, 0, NULL, 0)); }
int fdatasync(int fd) { ON_FD(SYNC, fd, no_sync ? 0 : syscall(SYS_fdatasync, fd), note(SYNC, path, NULL, 0, NULL, 0)); }
int ftruncate(int fd, off_t length) { ON_FD(TRUNCATE, fd, syscall(SYS_ftruncate, fd, length), note(TRUNCATE, path, NULL, (uint64_t)length, NULL, 0)); }
int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }

ssize_t read(int fd, void *data, size_t length) { ON_FD(READ, fd, syscall(SYS_read, fd, data, length), (void)0); }
ssize_t pread(int fd, void *data, size_t length, off_t at) { ON_FD(READ, fd, syscall(SYS_pread64, fd, data, length, at), (void)0); }
ssize_t pread64(int fd, void *data, size_t length, off64_t at) { return pread(fd, data, length, at); }

int rename(const char *from, const char *to) {
  if (!counts(to)) return REAL(rename)(from, to);
  OPERATION(RENAME, to, REAL(rename)(from, to), note(RENAME, from, to, 0, NULL, 0));
}

int unlink(const char *path) {
  if (!counts(path)) return REAL(unlink)(path);
  OPERATION(UNLINK, path, REAL(unlink)(path), note(UNLINK, path, NULL, 0, NULL, 0));
}

int unlinkat(int folder, const char *name, int flags) {
  char path[8192];
  if (name[0] == '/') snprintf(path, sizeof path, "%s", name);
  else if (!path_of(folder, path, 4096)) return REAL(unlinkat)(folder, name, flags);
  else { strcat(path, "/"); strncat(path, name, 4000); }
  if (!counts(path)) return REAL(unlinkat)(folder, name, flags);
  OPERATION(UNLINK, path, REAL(unlinkat)(folder, name, flags), note(flags & AT_REMOVEDIR ? RMDIR : UNLINK, path, NULL, 0, NULL, 0));
}

int rmdir(const char *path) {
  if (!counts(path)) return REAL(rmdir)(path);
  OPERATION(UNLINK, path, REAL(rmdir)(path), note(RMDIR, path, NULL, 0, NULL, 0));
}

int mkdir(const char *path, mode_t mode) {
  if (!counts(path)) return REAL(mkdir)(path, mode);
  OPERATION(MAKE, path, REAL(mkdir)(path, mode), note(MAKE, path, NULL, 0, NULL, 0));
}

static int do_open(const char *path, int flags, mode_t mode) {
  if (!counts(path)) return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
  struct stat before;
  int is_new = (flags & O_CREAT) && stat(path, &before) != 0;
  OPERATION(is_new ? CREATE : OPEN, path, syscall(SYS_openat, AT_FDCWD, path, flags, mode),
            note(is_new ? CREATE : (flags & O_TRUNC) ? TRUNCATE : OPEN, path, NULL, 0, NULL, 0));
}

int open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = va_arg(rest, mode_t);
  va_end(rest);
  return do_open(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = va_arg(rest, mode_t);
  va_end(rest);
  return do_open(path, flags | O_LARGEFILE, mode);
}
