/* The backend of the WebSocket rows: `ws_echo PORT` sends every message back. One thread. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { kRoom = 1 << 17, kHeaderMax = 14 };

struct connection {
  int socket, open;
  size_t used;
  unsigned char* data; /* only while something is unread */
};

static int send_all(int socket, const unsigned char* data, size_t size) {
  while (size > 0) {
    ssize_t sent = send(socket, data, size, MSG_NOSIGNAL);
    if (sent <= 0) return -1;
    data += sent;
    size -= (size_t)sent;
  }
  return 0;
}

/* RFC 6455 section 4.2.2. `head` ends in a NUL. */
static int answer(int socket, const char* head) {
  static const char kName[] = "\r\nsec-websocket-key: ", kGuid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  const char* key = strcasestr(head, kName);
  if (key == NULL) return -1;
  key += sizeof(kName) - 1;
  char text[128], reply[256];
  unsigned char digest[SHA_DIGEST_LENGTH], accept[32];
  int size = snprintf(text, sizeof(text), "%.*s%s", (int)strcspn(key, "\r"), key, kGuid);
  if (size >= (int)sizeof(text)) return -1;
  SHA1((const unsigned char*)text, (size_t)size, digest);
  EVP_EncodeBlock(accept, digest, sizeof(digest));
  size = snprintf(reply, sizeof(reply),
                  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                  (const char*)accept);
  return send_all(socket, (const unsigned char*)reply, (size_t)size);
}

/* gives: bytes of the frame at `data`, echoed; 0: not whole yet; -1: the end */
static long echo(int socket, unsigned char* data, size_t used) {
  if (used < 2) return 0;
  size_t header = 2, length = data[1] & 127;
  if (length == 126) {
    if (used < 4) return 0;
    length = (size_t)data[2] << 8 | data[3];
    header = 4;
  } else if (length == 127) {
    return -1;
  }
  size_t whole = header + 4 + length;
  if (used < whole) return 0;
  unsigned char* payload = data + header + 4;
  for (size_t i = 0; i < length; ++i) payload[i] ^= data[header + (i & 3)];
  unsigned char* answer = payload - header; /* over the mask */
  memmove(answer, data, header);
  answer[1] &= 127;
  int closes = (data[0] & 15) == 8;
  if (send_all(socket, answer, header + length) != 0 || closes) return -1;
  return (long)whole;
}

static int read_some(struct connection* one) {
  static unsigned char room[kRoom];
  memcpy(room, one->data, one->used);
  ssize_t got = recv(one->socket, room + one->used, sizeof(room) - one->used, MSG_DONTWAIT);
  if (got < 0 && errno == EAGAIN) return 0;
  if (got <= 0) return -1;
  size_t used = one->used + (size_t)got, at = 0;
  if (!one->open) {
    unsigned char* end = memmem(room, used, "\r\n\r\n", 4);
    if (end != NULL) {
      at = (size_t)(end + 4 - room);
      one->open = 1;
      end[2] = 0; /* the line before ends as the others do */
      if (answer(one->socket, (const char*)room) != 0) return -1;
    }
  }
  while (one->open) {
    long taken = echo(one->socket, room + at, used - at);
    if (taken < 0) return -1;
    if (taken == 0) break;
    at += (size_t)taken;
  }
  free(one->data);
  one->used = used - at;
  one->data = one->used > 0 ? memcpy(malloc(one->used), room + at, one->used) : NULL;
  return one->used < kRoom ? 0 : -1;
}

int main(int argc, char** argv) {
  if (argc != 2) return fprintf(stderr, "usage: ws_echo PORT\n"), 2;
  int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1, events = epoll_create1(0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1]))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, (struct sockaddr*)&address, sizeof(address)) != 0 || listen(listener, 4096) != 0) {
    return perror("ws_echo"), 1;
  }
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, ready[256];
  epoll_ctl(events, EPOLL_CTL_ADD, listener, &event);
  for (;;) {
    int count = epoll_wait(events, ready, 256, -1);
    for (int i = 0; i < count; ++i) {
      struct connection* one = ready[i].data.ptr;
      if (one == NULL) {
        int client = accept(listener, NULL, NULL);
        if (client < 0) continue;
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        one = calloc(1, sizeof(*one));
        one->socket = client;
        event.data.ptr = one;
        epoll_ctl(events, EPOLL_CTL_ADD, client, &event);
      } else if (read_some(one) != 0) {
        close(one->socket);
        free(one->data);
        free(one);
      }
    }
  }
}
