#include "policy/auth/basic.h"

#include <array>
#include <bit>
#include <utility>

#include "policy/auth/problems.h"
#include "policy/headers.h"
#include "policy/reach.h"

namespace sluice::policy {

using http::Field;
using http::FieldId;

namespace {

/// By which a password is known to be still the same, while nothing of it is kept.
struct Handle {
  std::array<char, sizeof(uint64_t)> bytes;
  std::string_view view() const { return {bytes.data(), bytes.size()}; }
};

Handle handle_of(const crypto::PasswordHash& hash) {
  return {std::bit_cast<std::array<char, sizeof(uint64_t)>>(hash.mark())};
}

}  // namespace

/// One password against one hash, on a thread of the process's.
class BasicAuthenticator::Job final : public Offload::Job {
 public:
  struct Question {
    QuestionKey key;
    std::shared_ptr<const UserTable> users;
    BasicCredentials credentials;
    uint32_t generation;
    Duration cache_for;
    size_t cache_bytes;
  };
  Job(Mailbox& mailbox, const Clock& clock, std::shared_ptr<Desk> desk, Question question)
      : mailbox_(&mailbox), clock_(&clock), desk_(std::move(desk)), question_(std::move(question)) {}

  // A user that there is not takes as long as one that there is.
  void run() override {
    const crypto::PasswordHash* hash = question_.users->find(question_.credentials.user);
    const crypto::PasswordHash* computed = hash ? hash : question_.users->decoy();
    bool matches = computed != nullptr && computed->verify(question_.credentials.password.bytes());
    bool right = matches && hash != nullptr;
    mailbox_->post_work([desk = std::move(desk_), clock = clock_, right, key = question_.key,
                         generation = question_.generation, cache_for = question_.cache_for,
                         cache_bytes = question_.cache_bytes] {
      // Of a file that has changed meanwhile nothing is remembered: who waits asks again.
      if (desk->generation == generation) desk->keep(key, {{right}, clock->now() + cache_for}, cache_bytes);
      desk->settle(key);
    });
  }

 private:
  Mailbox* mailbox_;      // these two outlive all jobs: Supervisor::stop
  const Clock* clock_;
  std::shared_ptr<Desk> desk_;
  Question question_;
};

BasicAuthenticator::BasicAuthenticator(std::string name, BasicOptions options, std::shared_ptr<const UserFile> users)
    : name_(std::move(name)), options_(std::move(options)),
      challenge_("Basic realm=\"" + name_ + "\", charset=\"UTF-8\""), users_(std::move(users)) {}

std::string BasicAuthenticator::describe() const {
  return "basic, users of " + users_->files().front();
}

Authenticator::Outcome BasicAuthenticator::authenticate(Call& call) const {
  std::string_view given;
  size_t count = 0;
  for (const Field& field : call.request().fields) {
    if (field.id != FieldId::authorization) continue;
    auto text = after_basic(field.value());
    if (!text) continue;   // another scheme: somebody else's credential
    given = *text;
    ++count;
  }
  if (count == 0) return Outcome::absent();
  if (count > 1) return Outcome::refused(kCredentialsAmbiguous);
  auto credentials = BasicCredentials::parse(given);
  if (!credentials) return Outcome::refused(kPasswordRefused);
  Worker& worker = workers_.of(call.worker());
  const UserTable& users = worker.users.get(users_->live());
  if (std::exchange(worker.desk->generation, worker.users.generation()) != worker.users.generation())
    worker.desk->forget_all();
  QuestionKey key = worker.desk->key_of({credentials->user, credentials->password.bytes()});
  const auto* held = worker.desk->find(key);
  if (held == nullptr || held->fresh_until <= call.clock().now()) return ask(call, worker, key, *std::move(credentials));
  if (!held->value.right) return Outcome::refused(kPasswordRefused);
  return accept(call, credentials->user, users.find(credentials->user));
}

Authenticator::Outcome BasicAuthenticator::ask(Call& call, Worker& worker, const QuestionKey& key,
                                               BasicCredentials credentials) const {
  Desk& desk = *worker.desk;
  if (const Reach* reach = call.reach(); reach != nullptr && !desk.asked(key)) {
    Job::Question question{key,           users_->live().current(), std::move(credentials),
                           desk.generation, options_.cache_for,       options_.cache_bytes};
    bool taken = reach->offload.post(std::make_unique<Job>(reach->mailbox, call.clock(), worker.desk, std::move(question)));
    if (!taken) return Outcome::refused(kPasswordsBusy);
  }
  desk.wait(key, call.resume());
  return Outcome::wait(call.clock().now() + kPasswordWaitMax, kPasswordsBusy);
}

Authenticator::Outcome BasicAuthenticator::accept(Call& call, std::string_view user,
                                                  const crypto::PasswordHash* hash) const {
  Identity* identity = nullptr;
  if (auto holder = options_.holders.find(user); holder != options_.holders.end()) {
    KeyTable::Found found{holder->second.consumer, user, holder->second.grants, WallTime::max()};
    if (!found.allows(call.client().ip, call.worker())) return Outcome::refused(kCredentialAddress);
    identity = make_identity(call.arena(), found);
  } else {
    identity = call.arena().make<Identity>();
    identity->credential = call.arena().copy(user);
  }
  identity->subject = identity->credential;
  identity->method = "basic";
  identity->authenticator = name_;
  if (hash != nullptr) identity->handle = call.arena().copy(handle_of(*hash).view());
  call.findings().identity = identity;
  return Outcome::accepted();
}

bool BasicAuthenticator::revoked(const AcceptedCredential& credential) const {
  auto users = users_->live().current();
  const crypto::PasswordHash* hash = users->find(credential.name);
  return hash == nullptr || (!credential.handle.empty() && credential.handle != handle_of(*hash).view());
}

void BasicAuthenticator::remove_credential(http::Head& request, Arena&) const {
  request.fields.remove_if([](const Field& field) {
    return same_header_name(field.name(), "Authorization") && after_basic(field.value());
  });
}

}  // namespace sluice::policy
