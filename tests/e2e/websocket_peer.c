/* libwebsockets as a peer of tests: an echoing server, or a client that sends messages and holds the server to them.
   server PORT            prints "ready"; until killed
   client PORT PATH N     N messages of growing size, text and binary, in fragments too; exit code 0 when all came back */
#include <libwebsockets.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kMessageMax = 200000 };

static struct lws_context* context;
static struct lws* client;
static int messages, sent, checked, failed, over;
static size_t offset;                              /* of the message that is being sent */
static unsigned char out[LWS_PRE + kMessageMax], in[kMessageMax];
static size_t in_size;

static size_t size_of(int message) { return (size_t)message * (size_t)message * 37 % kMessageMax; }
static unsigned char byte_of(int message, size_t at) { return (unsigned char)('a' + (at * 7 + (size_t)message) % 26); }

/* What has come is kept until the whole message has, and then goes back in two fragments where it is long enough. */
struct echo { unsigned char* bytes; size_t size, sent; int binary, whole; };

static int serve(struct lws* socket, enum lws_callback_reasons reason, void* user, void* bytes, size_t size) {
  struct echo* echo = user;
  if (reason == LWS_CALLBACK_RECEIVE) {
    if (echo->size + size > kMessageMax) return -1;
    if (!echo->bytes) echo->bytes = malloc(LWS_PRE + kMessageMax);
    memcpy(echo->bytes + LWS_PRE + echo->size, bytes, size);
    echo->size += size;
    echo->binary = lws_frame_is_binary(socket);
    if (!lws_is_final_fragment(socket) || lws_remaining_packet_payload(socket)) return 0;
    echo->whole = 1;
    lws_rx_flow_control(socket, 0);
    lws_callback_on_writable(socket);
  } else if (reason == LWS_CALLBACK_SERVER_WRITEABLE && echo->whole) {
    size_t part = echo->size < 1000 || echo->sent ? echo->size - echo->sent : echo->size / 2;
    int last = echo->sent + part == echo->size;
    int how = echo->sent ? LWS_WRITE_CONTINUATION : echo->binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT;
    if (!last) how |= LWS_WRITE_NO_FIN;
    if (lws_write(socket, echo->bytes + LWS_PRE + echo->sent, part, how) < 0) return -1;
    echo->sent += part;
    if (!last) return lws_callback_on_writable(socket), 0;
    echo->size = echo->sent = 0;
    echo->whole = 0;
    lws_rx_flow_control(socket, 1);
  } else if (reason == LWS_CALLBACK_CLOSED) {
    free(echo->bytes);
  }
  return 0;
}

static void check(struct lws* socket) {
  if (in_size != size_of(checked) || lws_frame_is_binary(socket) != checked % 2) failed = 1;
  for (size_t i = 0; i < in_size && !failed; ++i) failed = in[i] != byte_of(checked, i);
  in_size = 0;
  if (++checked < messages && !failed) lws_callback_on_writable(socket);
}

static int ask(struct lws* socket, enum lws_callback_reasons reason, void* user, void* bytes, size_t size) {
  (void)user;
  switch (reason) {
    case LWS_CALLBACK_CLIENT_ESTABLISHED: lws_callback_on_writable(socket); break;
    case LWS_CALLBACK_CLIENT_WRITEABLE: {
      if (sent > checked || sent == messages) break;
      size_t whole = size_of(sent), part = whole - offset > 50000 ? 50000 : whole - offset;
      for (size_t i = 0; i < part; ++i) out[LWS_PRE + i] = byte_of(sent, offset + i);
      int how = offset ? LWS_WRITE_CONTINUATION : sent % 2 ? LWS_WRITE_BINARY : LWS_WRITE_TEXT;
      int last = offset + part == whole;
      if (lws_write(socket, out + LWS_PRE, part, last ? how : how | LWS_WRITE_NO_FIN) < 0) return -1;
      offset = last ? 0 : offset + part;
      sent += last;
      if (!last) lws_callback_on_writable(socket);
      break;
    }
    case LWS_CALLBACK_CLIENT_RECEIVE:
      if (in_size + size > kMessageMax) failed = 1;
      if (failed) return -1;
      memcpy(in + in_size, bytes, size);
      in_size += size;
      if (lws_is_final_fragment(socket) && !lws_remaining_packet_payload(socket)) check(socket);
      if (checked < messages && !failed) break;
      lws_close_reason(socket, LWS_CLOSE_STATUS_NORMAL, NULL, 0);
      return -1;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
      fprintf(stderr, "no connection: %.*s\n", (int)size, bytes ? (char*)bytes : "");
      failed = over = 1;
      break;
    case LWS_CALLBACK_CLIENT_CLOSED: over = 1; break;
    default: break;
  }
  return 0;
}

static void stop(int number) { (void)number; over = 1; }

int main(int count, char** words) {
  int serves = count == 3 && !strcmp(words[1], "server");
  if (!serves && count != 5) return 2;
  struct lws_protocols protocols[] = {{"peer", serves ? serve : ask, serves ? sizeof(struct echo) : 0, 4096, 0, NULL, 0}, {0}};
  struct lws_context_creation_info info = {0};
  info.port = serves ? atoi(words[2]) : CONTEXT_PORT_NO_LISTEN;
  info.iface = serves ? "127.0.0.1" : NULL;
  info.protocols = protocols;
  info.fd_limit_per_thread = 64;
  info.gid = (gid_t)-1;
  info.uid = (uid_t)-1;
  lws_set_log_level(LLL_ERR, NULL);
  signal(SIGTERM, stop);
  if (!(context = lws_create_context(&info))) return 2;
  if (serves) {
    puts("ready");
    fflush(stdout);
  } else {
    messages = atoi(words[4]);
    struct lws_client_connect_info to = {0};
    to.context = context;
    to.address = to.host = "127.0.0.1";
    to.port = atoi(words[2]);
    to.path = words[3];
    to.local_protocol_name = "peer";
    to.pwsi = &client;
    if (!lws_client_connect_via_info(&to)) return 1;
  }
  while (!over && lws_service(context, 0) >= 0) {}
  lws_context_destroy(context);
  printf("%d of %d\n", checked, messages);
  return !serves && (failed || checked != messages);
}
