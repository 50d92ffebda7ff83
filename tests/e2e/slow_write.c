/* Holds up the thread that writes to a socket, for the test of stalled loops: preload it with SLUICE_SLOW_WRITE
   naming a file. While the file is there, the next write of a worker takes a second and removes it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static void maybe_sleep(void) {
  const char *path = getenv("SLUICE_SLOW_WRITE");
  char name[32] = "";
  pthread_getname_np(pthread_self(), name, sizeof name);
  if (!path || strncmp(name, "worker", 6) != 0 || unlink(path) != 0) return;
  struct timespec second = {1, 0};
  nanosleep(&second, NULL);
}

ssize_t write(int file, const void *bytes, size_t size) {
  static ssize_t (*real)(int, const void *, size_t);
  if (!real) real = (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
  maybe_sleep();
  return real(file, bytes, size);
}

ssize_t writev(int file, const struct iovec *pieces, int count) {
  static ssize_t (*real)(int, const struct iovec *, int);
  if (!real) real = (ssize_t(*)(int, const struct iovec *, int))dlsym(RTLD_NEXT, "writev");
  maybe_sleep();
  return real(file, pieces, count);
}

/* The gateway asks the kernel for sendto itself: no cancellation point. */
long syscall(long number, ...) {
  static long (*real)(long, ...);
  if (!real) real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
  long of[6];
  va_list all;
  va_start(all, number);
  for (int i = 0; i < 6; ++i) of[i] = va_arg(all, long);
  va_end(all);
  if (number == SYS_sendto) maybe_sleep();
  return real(number, of[0], of[1], of[2], of[3], of[4], of[5]);
}

ssize_t sendmsg(int file, const struct msghdr *message, int flags) {
  static ssize_t (*real)(int, const struct msghdr *, int);
  if (!real) real = (ssize_t(*)(int, const struct msghdr *, int))dlsym(RTLD_NEXT, "sendmsg");
  maybe_sleep();
  return real(file, message, flags);
}
