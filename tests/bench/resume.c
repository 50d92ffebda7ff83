/* TLS 1.3 clients that make one request on each connection: `resume PORT SECONDS full|resumed`. Every full handshake verifies
 * nothing and offers no session; a resumed one offers the ticket of the connection before. Prints requests, resumed ones,
 * seconds and the median and 99th percentile of a connection's life in microseconds. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { THREADS = 8, SAMPLES_MAX = 200000 };

static int port, resuming;
static double seconds;

struct worker {
  pthread_t thread;
  SSL_SESSION* session;
  long requests, resumed, failed;
  unsigned* samples;
};

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static int on_session(SSL* ssl, SSL_SESSION* session) {
  struct worker* worker = SSL_get_app_data(ssl);
  if (!resuming) return 0;
  SSL_SESSION_free(worker->session);
  worker->session = session;
  return 1;
}

static int ask(struct worker* worker, SSL_CTX* context) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int client = socket(AF_INET, SOCK_STREAM, 0), on = 1, done = 0;
  setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  SSL* ssl = SSL_new(context);
  SSL_set_app_data(ssl, worker);
  SSL_set_fd(ssl, client);
  SSL_set_tlsext_host_name(ssl, "localhost");
  if (worker->session) SSL_set_session(ssl, worker->session);
  static const char request[] = "GET /service42/items/7 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  char answer[4096];
  size_t used = 0;
  if (connect(client, (struct sockaddr*)&address, sizeof(address)) == 0 && SSL_connect(ssl) == 1 &&
      SSL_write(ssl, request, sizeof(request) - 1) > 0) {
    for (int got; used < sizeof(answer) && (got = SSL_read(ssl, answer + used, (int)(sizeof(answer) - used))) > 0;) {
      used += (size_t)got;
    }
    done = used > 12 && memcmp(answer, "HTTP/1.1 200", 12) == 0;
    if (done && SSL_session_reused(ssl)) ++worker->resumed;
    SSL_shutdown(ssl);
  }
  SSL_free(ssl);
  close(client);
  return done;
}

static void* run(void* argument) {
  struct worker* worker = argument;
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
  SSL_CTX_set1_groups_list(context, "X25519");
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, on_session);
  for (double end = now() + seconds, began; (began = now()) < end;) {
    if (!ask(worker, context)) {
      ++worker->failed;
      continue;
    }
    if (worker->requests < SAMPLES_MAX) worker->samples[worker->requests] = (unsigned)((now() - began) * 1e6);
    ++worker->requests;
  }
  SSL_SESSION_free(worker->session);
  SSL_CTX_free(context);
  return NULL;
}

static int by_value(const void* a, const void* b) {
  unsigned left = *(const unsigned*)a, right = *(const unsigned*)b;
  return left < right ? -1 : left > right;
}

int main(int argc, char** argv) {
  if (argc != 4) return fprintf(stderr, "usage: resume PORT SECONDS full|resumed\n"), 2;
  port = atoi(argv[1]);
  seconds = atof(argv[2]);
  resuming = strcmp(argv[3], "resumed") == 0;
  static struct worker workers[THREADS];
  static unsigned all[THREADS * SAMPLES_MAX];
  double began = now();
  for (int i = 0; i < THREADS; ++i) {
    workers[i].samples = calloc(SAMPLES_MAX, sizeof(unsigned));
    pthread_create(&workers[i].thread, NULL, run, &workers[i]);
  }
  long requests = 0, resumed = 0, failed = 0, samples = 0;
  for (int i = 0; i < THREADS; ++i) {
    pthread_join(workers[i].thread, NULL);
    requests += workers[i].requests;
    resumed += workers[i].resumed;
    failed += workers[i].failed;
    long kept = workers[i].requests < SAMPLES_MAX ? workers[i].requests : SAMPLES_MAX;
    memcpy(all + samples, workers[i].samples, (size_t)kept * sizeof(unsigned));
    samples += kept;
  }
  if (samples == 0) return fprintf(stderr, "no connection succeeded, %ld failed\n", failed), 1;
  qsort(all, (size_t)samples, sizeof(unsigned), by_value);
  printf("%ld requests %ld resumed %ld failed %.3f s p50 %u p99 %u\n", requests, resumed, failed, now() - began,
         all[samples / 2], all[samples * 99 / 100]);
  return 0;
}
