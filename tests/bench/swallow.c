/* No gateway: `swallow PORT` takes a connection, reads a mebibyte of it without looking, closes it, and takes the next. What a flood costs others
   through the cores and the kernel alone, whoever it is sent to. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { kTaken = 1 << 20, kRead = 64 * 1024 }; /* as much as a gateway discards after a refusal, and its reads */

int main(int argc, char** argv) {
  if (argc != 2) return fprintf(stderr, "usage: swallow PORT\n"), 2;
  int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(argv[1]))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, (struct sockaddr*)&address, sizeof(address)) != 0 || listen(listener, 512) != 0) {
    return perror("swallow"), 1;
  }
  static char read_here[kRead];
  for (;;) {
    int client = accept(listener, NULL, NULL);
    ssize_t got = 1;
    for (ssize_t taken = 0; taken < kTaken && got > 0; taken += got) got = recv(client, read_here, sizeof(read_here), 0);
    close(client);
  }
}
