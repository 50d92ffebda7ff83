/* The load of the WebSocket rows: `ws_load PORT PATH CONNECTIONS BYTES SECONDS`. Each connection sends a masked binary message, waits until
   it has come back, and sends the next. Prints "N messages F failed S s p50 US p99 US". */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { kHeaderMax = 8, kRoom = 1 << 17, kTimesMax = 1 << 22 };

struct connection {
  int socket;
  size_t to_come; /* of the answer */
  int begun;      /* its first byte was looked at */
  double sent_at;
};

static unsigned char message[kRoom];
static size_t message_size, answer_size;
static uint32_t times[kTimesMax];
static size_t messages, failed;

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void make_message(size_t bytes) {
  size_t header = bytes < 126 ? 2 : 4;
  message[0] = 0x82;
  message[1] = (unsigned char)(0x80 | (bytes < 126 ? bytes : 126));
  if (header == 4) {
    message[2] = (unsigned char)(bytes >> 8);
    message[3] = (unsigned char)bytes;
  }
  memcpy(message + header, "mask", 4);
  for (size_t i = 0; i < bytes; ++i) message[header + 4 + i] = (unsigned char)(i * 31 + 7);
  message_size = header + 4 + bytes;
  answer_size = header + bytes;
}

static int send_one(struct connection* one) {
  one->to_come = answer_size;
  one->begun = 0;
  one->sent_at = now();
  for (size_t done = 0; done < message_size;) {
    ssize_t sent = send(one->socket, message + done, message_size - done, MSG_NOSIGNAL);
    if (sent <= 0) return -1;
    done += (size_t)sent;
  }
  return 0;
}

static int open_one(struct connection* one, unsigned short port, const char* path) {
  static char text[4096];
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int on = 1;
  one->socket = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(one->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (connect(one->socket, (struct sockaddr*)&address, sizeof(address)) != 0) return -1;
  int size = snprintf(text, sizeof(text),
                      "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", path);
  if (send(one->socket, text, (size_t)size, MSG_NOSIGNAL) != size) return -1;
  size_t used = 0;
  while (used < sizeof(text) - 1) {
    ssize_t got = recv(one->socket, text + used, 1, 0);
    if (got != 1) return -1;
    text[++used] = 0;
    if (used >= 4 && memcmp(text + used - 4, "\r\n\r\n", 4) == 0) break;
  }
  return strncmp(text, "HTTP/1.1 101", 12) == 0 ? 0 : -1;
}

static int read_some(struct connection* one) {
  static unsigned char room[kRoom];
  ssize_t got = recv(one->socket, room, sizeof(room), MSG_DONTWAIT);
  if (got < 0 && errno == EAGAIN) return 0;
  if (got <= 0 || (size_t)got > one->to_come || (!one->begun && room[0] != 0x82)) return -1;
  one->begun = 1;
  one->to_come -= (size_t)got;
  if (one->to_come > 0) return 0;
  if (messages < kTimesMax) times[messages] = (uint32_t)((now() - one->sent_at) * 1e6);
  ++messages;
  return send_one(one);
}

static int compare(const void* a, const void* b) {
  uint32_t left = *(const uint32_t*)a, right = *(const uint32_t*)b;
  return left < right ? -1 : left > right;
}

int main(int argc, char** argv) {
  if (argc != 6) return fprintf(stderr, "usage: ws_load PORT PATH CONNECTIONS BYTES SECONDS\n"), 2;
  int count = atoi(argv[3]), events = epoll_create1(0);
  size_t bytes = (size_t)atol(argv[4]);
  if (bytes > 65535) return fprintf(stderr, "ws_load: 65535 bytes at most\n"), 2;
  make_message(bytes);
  struct connection* all = calloc((size_t)count, sizeof(*all));
  for (int i = 0; i < count; ++i) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[i]};
    if (open_one(&all[i], (unsigned short)atoi(argv[1]), argv[2]) != 0) {
      return fprintf(stderr, "ws_load: connection %d does not open: %s\n", i, strerror(errno)), 1;
    }
    epoll_ctl(events, EPOLL_CTL_ADD, all[i].socket, &event);
  }
  double began = now(), end = began + atof(argv[5]);
  for (int i = 0; i < count; ++i) failed += send_one(&all[i]) != 0;
  struct epoll_event ready[256];
  while (now() < end && failed < (size_t)count) {
    int found = epoll_wait(events, ready, 256, 100);
    for (int i = 0; i < found; ++i) {
      struct connection* one = ready[i].data.ptr;
      if (read_some(one) == 0) continue;
      ++failed;
      close(one->socket);
    }
  }
  double took = now() - began;
  size_t kept = messages < kTimesMax ? messages : kTimesMax;
  qsort(times, kept, sizeof(*times), compare);
  printf("%zu messages %zu failed %.3f s p50 %u p99 %u\n", messages, failed, took, kept ? times[kept / 2] : 0,
         kept ? times[kept * 99 / 100] : 0);
  return 0;
}
