#include "upstream/probe_websocket.h"

#include <libwebsockets.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/check.h"

namespace sluice::upstream {
namespace {

constexpr std::string_view kPing = "sluice health";   // what the pong must repeat
constexpr char kNoThread[] = "no thread for libwebsockets";
constexpr size_t kFailureBytesMax = 100;
constexpr unsigned kDescriptorsMax = 2 * ProbeCount::kMax;   // those that are being closed too

std::string text_of(const char* words, size_t size) {
  std::string_view text(words == nullptr ? "" : words, words == nullptr ? 0 : size);
  if (text.starts_with("connect SSL")) return "no connection: the TLS handshake failed";   // it knows no more
  return text.empty() ? "no WebSocket" : std::string(text.substr(0, kFailureBytesMax));
}

}  // namespace

/// One check: made by the keeper, constant but for the parts that belong to one thread.
struct WebSocketProbe::Check {
  // Constant.
  std::string address;   // without brackets; of a unix socket "+" and the path
  int port = 0;
  std::string host;
  std::string path;
  std::shared_ptr<const net::TlsClientContext> tls;   // null: plain
  bool verify = true;
  Duration timeout{};
  // The keeper's thread's.
  WebSocketProbe* probe = nullptr;   // null: nobody waits any more
  // The other thread's.
  bool told = false;
};

/// The thread, and libwebsockets' one context. Of the library's functions only lws_cancel_service is called elsewhere.
class WebSocketThread {
 public:
  using Check = WebSocketProbe::Check;

  explicit WebSocketThread(Mailbox& mailbox);
  ~WebSocketThread();

  /// From the keeper's thread. The result is a letter to it.
  void submit(std::shared_ptr<Check> check);
  /// It could not go on: what is submitted fails.
  bool has_ended();

 private:
  /// One TLS context in force.
  struct Vhost {
    std::shared_ptr<const net::TlsClientContext> tls;   // null: for plain connections
    lws_vhost* vhost;
  };

  static int on_event(lws* socket, lws_callback_reasons reason, void* user, void* in, size_t size);
  static WebSocketThread& of(lws* socket) {
    return *static_cast<WebSocketThread*>(lws_context_user(lws_get_context(socket)));
  }
  static const lws_protocols* protocols();

  void run();
  bool take_submitted();
  lws_vhost* vhost_for(const Check& check);
  void forget_vhosts();
  void begin(const std::shared_ptr<Check>& check);
  int on_check_event(lws* socket, lws_callback_reasons reason, Check& check, const char* in, size_t size);
  void tell(Check& check, std::string failure);
  void post(const std::shared_ptr<Check>& check, std::string failure);
  void forget(const Check& check);

  Mailbox* mailbox_;
  std::mutex mutex_;
  std::vector<std::shared_ptr<Check>> submitted_;   // guarded by mutex_
  lws_context* shared_context_ = nullptr;           // guarded by mutex_: to be woken by
  bool stopping_ = false;                           // guarded by mutex_
  bool ended_ = false;                              // guarded by mutex_
  // The thread's own.
  lws_context* context_ = nullptr;
  std::vector<std::shared_ptr<Check>> live_;        // with a socket
  std::vector<Vhost> vhosts_;
  std::thread thread_;                              // last: it uses all of the above
};

WebSocketThread::WebSocketThread(Mailbox& mailbox) : mailbox_(&mailbox) {
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error&) {   // no more threads for this service
    ended_ = true;
  }
}

WebSocketThread::~WebSocketThread() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    if (shared_context_) lws_cancel_service(shared_context_);
  }
  if (thread_.joinable()) thread_.join();
}

void WebSocketThread::submit(std::shared_ptr<Check> check) {
  std::lock_guard lock(mutex_);
  if (ended_) return post(check, kNoThread);
  submitted_.push_back(std::move(check));
  if (shared_context_) lws_cancel_service(shared_context_);
}

bool WebSocketThread::has_ended() {
  std::lock_guard lock(mutex_);
  return ended_;
}

const lws_protocols* WebSocketThread::protocols() {
  static const lws_protocols kProtocols[] = {{"health", on_event, 0, 1024, 0, nullptr, 0}, {}};
  return kProtocols;
}

void WebSocketThread::run() {
  pthread_setname_np(pthread_self(), "health checks");
  lws_set_log_level(0, nullptr);   // its log has one buffer for all threads
  lws_context_creation_info info{};
  info.port = CONTEXT_PORT_NO_LISTEN;
  info.protocols = protocols();
  info.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
  info.gid = static_cast<gid_t>(-1);
  info.uid = static_cast<uid_t>(-1);
  info.fd_limit_per_thread = kDescriptorsMax;
  info.user = this;
  context_ = lws_create_context(&info);
  signal(SIGPIPE, SIG_IGN);   // as it was: the library puts a handler there
  {
    std::lock_guard lock(mutex_);
    shared_context_ = context_;
  }
  while (context_ != nullptr && take_submitted()) {
    if (lws_service(context_, 0) < 0) break;
  }
  {
    std::lock_guard lock(mutex_);
    shared_context_ = nullptr;
    ended_ = true;
    for (const auto& check : submitted_) post(check, kNoThread);
  }
  if (context_) lws_context_destroy(context_);   // closes what is open, and tells it
}

// gives: false when the thread is to end
bool WebSocketThread::take_submitted() {
  std::vector<std::shared_ptr<Check>> taken;
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return false;
    taken = std::exchange(submitted_, {});
  }
  for (const auto& check : taken) begin(check);
  return true;
}

// A vhost is what the library ties a TLS context to.
lws_vhost* WebSocketThread::vhost_for(const Check& check) {
  for (const Vhost& vhost : vhosts_) {
    if (vhost.tls == check.tls) return vhost.vhost;
  }
  forget_vhosts();
  lws_context_creation_info info{};
  info.port = CONTEXT_PORT_NO_LISTEN;
  info.protocols = protocols();
  if (check.tls) {
    info.options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    info.provided_client_ssl_ctx = check.tls->ssl();   // the upstream's: authorities, our certificate, versions
  }
  lws_vhost* made = lws_create_vhost(context_, &info);
  if (made == nullptr) return nullptr;
  vhosts_.push_back({check.tls, made});
  return made;
}

// Of TLS contexts that have been replaced since: nobody else has them, and no check under way.
void WebSocketThread::forget_vhosts() {
  std::erase_if(vhosts_, [](const Vhost& vhost) {
    if (vhost.tls == nullptr || vhost.tls.use_count() > 1) return false;
    lws_vhost_destroy(vhost.vhost);
    return true;
  });
}

void WebSocketThread::begin(const std::shared_ptr<Check>& check) {
  lws_vhost* vhost = vhost_for(*check);
  if (vhost == nullptr) return post(check, "libwebsockets has no memory for it");
  lws* socket = nullptr;
  lws_client_connect_info info{};
  info.context = context_;
  info.vhost = vhost;
  info.address = check->address.c_str();
  info.port = check->port;
  info.path = check->path.c_str();
  info.host = check->host.c_str();   // over TLS also the name that is asked for and verified
  info.local_protocol_name = protocols()->name;
  info.userdata = check.get();
  info.pwsi = &socket;
  info.alpn = "http/1.1";
  info.ssl_connection = LCCSCF_HTTP_NO_FOLLOW_REDIRECT;
  if (check->tls) info.ssl_connection |= LCCSCF_USE_SSL;
  if (check->tls && !check->verify) {
    info.ssl_connection |= LCCSCF_ALLOW_SELFSIGNED | LCCSCF_ALLOW_INSECURE | LCCSCF_ALLOW_EXPIRED |
                           LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK;
  }
  live_.push_back(check);
  if (lws_client_connect_via_info(&info) == nullptr) {
    tell(*check, "no connection");
    return forget(*check);
  }
  lws_set_timer_usecs(socket, std::chrono::duration_cast<std::chrono::microseconds>(check->timeout).count());
}

int WebSocketThread::on_event(lws* socket, lws_callback_reasons reason, void* user, void* in, size_t size) {
  if (user == nullptr) return 0;   // not about a check
  auto& check = *static_cast<Check*>(user);
  return of(socket).on_check_event(socket, reason, check, static_cast<const char*>(in), size);
}

// gives: -1 to close the socket
int WebSocketThread::on_check_event(lws* socket, lws_callback_reasons reason, Check& check, const char* in, size_t size) {
  switch (reason) {
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:   // TLS stands
      // The library waits for the socket when OpenSSL may have read ahead.
      if (SSL* ssl = lws_get_ssl(socket)) SSL_set_read_ahead(ssl, 0);
      return 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR: tell(check, text_of(in, size)); return 0;
    case LWS_CALLBACK_CLIENT_ESTABLISHED: lws_callback_on_writable(socket); return 0;
    case LWS_CALLBACK_CLIENT_WRITEABLE: {
      if (check.told) return -1;
      unsigned char frame[LWS_PRE + kPing.size()];
      std::memcpy(frame + LWS_PRE, kPing.data(), kPing.size());
      return lws_write(socket, frame + LWS_PRE, kPing.size(), LWS_WRITE_PING) < 0 ? -1 : 0;
    }
    case LWS_CALLBACK_CLIENT_RECEIVE_PONG:
      if (std::string_view(in, size) != kPing) return 0;   // one that nobody asked for
      tell(check, "");
      lws_close_reason(socket, LWS_CLOSE_STATUS_NORMAL, nullptr, 0);
      return -1;
    case LWS_CALLBACK_TIMER: tell(check, "no pong in time"); return -1;
    case LWS_CALLBACK_CLIENT_CLOSED: tell(check, "closed before the pong"); return 0;
    case LWS_CALLBACK_WSI_DESTROY:
      tell(check, "no WebSocket");
      forget(check);
      return 0;
    default: return 0;   // of some hundred
  }
}

void WebSocketThread::tell(Check& check, std::string failure) {
  if (std::exchange(check.told, true)) return;
  auto found = std::find_if(live_.begin(), live_.end(), [&](const auto& one) { return one.get() == &check; });
  CHECK(found != live_.end());
  post(*found, std::move(failure));
}

void WebSocketThread::post(const std::shared_ptr<Check>& check, std::string failure) {
  mailbox_->post_work([check, failure = std::move(failure)] {
    if (check->probe) check->probe->on_result(failure);
  });
}

void WebSocketThread::forget(const Check& check) {
  std::erase_if(live_, [&](const auto& one) { return one.get() == &check; });
}

std::shared_ptr<WebSocketThread> WebSocketProbing::thread() {
  std::shared_ptr<WebSocketThread> thread = thread_.lock();
  if (thread == nullptr || thread->has_ended()) thread_ = thread = std::make_shared<WebSocketThread>(*mailbox_);
  return thread;
}

WebSocketProbe::WebSocketProbe(Loop& loop, WebSocketProbing& probing, const UpstreamConfig& upstream, ProbeTarget target)
    : loop_(&loop), probing_(&probing), thread_(probing.thread()), target_(std::move(target)), host_(probe_host(upstream, target_)),
      path_(upstream.health->path.text), timeout_(upstream.health->timeout), verify_(!upstream.tls || upstream.tls->verify) {}

void WebSocketProbe::start(Waiter& waiter) {
  waiter_ = &waiter;
  check_ = std::make_shared<Check>();
  const net::SocketAddress& to = target_.address;
  check_->address = to.is_unix() ? '+' + to.path() : to.ip().to_string();
  check_->port = to.port();
  check_->host = host_;
  check_->path = path_;
  if (target_.tls) check_->tls = target_.tls->current();
  check_->verify = verify_;
  check_->timeout = timeout_;
  check_->probe = this;
  timer_.start(loop_->timers(), loop_->clock().now() + timeout_, *this);
  thread_ = probing_->thread();   // another one, when that has ended
  thread_->submit(check_);
}

void WebSocketProbe::on_timer(Timer&) { on_result("no pong in time"); }

void WebSocketProbe::on_result(std::string failure) {
  give_up();
  waiter_->on_probed(std::move(failure));
}

void WebSocketProbe::give_up() {
  timer_.stop();
  if (check_) std::exchange(check_, nullptr)->probe = nullptr;
}

}  // namespace sluice::upstream
