/* Takes uploads: `sink PORT` answers every request with 200 once its body has come, without looking at it. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void* serve(void* argument) {
  int client = (int)(long)argument, on = 1;
  setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  char head[16384 + 1];
  size_t used = 0;
  for (ssize_t got; (got = recv(client, head + used, sizeof(head) - 1 - used, 0)) > 0;) {
    used += (size_t)got;
    head[used] = 0;
    char* end = strstr(head, "\r\n\r\n");
    if (end == NULL) continue;
    char* length = strcasestr(head, "content-length:");
    long left = (length && length < end ? atol(length + 15) : 0) - (long)(head + used - end - 4);
    while (left > 0 && (got = recv(client, NULL, left < 1 << 20 ? (size_t)left : 1 << 20, MSG_TRUNC)) > 0) left -= got;
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ntaken";
    if (left > 0 || send(client, answer, sizeof(answer) - 1, MSG_NOSIGNAL) < 0) break;
    used = 0;
  }
  close(client);
  return NULL;
}

int main(int argc, char** argv) {
  if (argc != 2) return fprintf(stderr, "usage: sink PORT\n"), 2;
  int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1]))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, (struct sockaddr*)&address, sizeof(address)) != 0 || listen(listener, 512) != 0) {
    return perror("sink"), 1;
  }
  for (;;) {
    int client = accept(listener, NULL, NULL);
    pthread_t thread;
    if (client >= 0 && pthread_create(&thread, NULL, serve, (void*)(long)client) == 0) pthread_detach(thread);
  }
}
