// type = "basic": a user name and a password (RFC 7617), for clients that know nothing better. Hashes of passwords are
// made to be slow: they are computed on threads of their own, and what came of it is remembered for a while.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/per_worker.h"
#include "policy/ask/answer_desk.h"
#include "policy/auth/auth_config.h"
#include "policy/auth/authenticator.h"
#include "policy/auth/basic_credentials.h"
#include "policy/auth/key_table.h"
#include "policy/auth/user_table.h"

namespace sluice::policy {

/// So long a request waits for its hash; then it is told to try again.
inline constexpr Duration kPasswordWaitMax = std::chrono::seconds(10);

/// The consumer that a user belongs to.
struct UserHolder {
  std::string consumer;
  Grants grants;
};
using UserHolders = std::map<std::string, UserHolder, std::less<>>;

struct BasicOptions {
  UserHolders holders;
  Duration cache_for{};
  size_t cache_bytes = 0;   // of one worker
};

class BasicAuthenticator final : public Authenticator {
 public:
  BasicAuthenticator(std::string name, BasicOptions options, std::shared_ptr<const UserFile> users);

  std::string_view name() const override { return name_; }
  std::string describe() const override;
  Outcome authenticate(Call& call) const override;
  std::string_view challenge(Arena&, const http::Problem*) const override { return challenge_; }
  uint32_t revocation_generation() const override { return users_->live().generation(); }
  bool revoked(const AcceptedCredential& credential) const override;
  void remove_credential(http::Head& request, Arena& arena) const override;

 private:
  struct Answer {
    bool right = false;
    size_t bytes() const { return 0; }
  };
  /// Answers of one reading of the file.
  struct Desk : AnswerDesk<Answer> {
    uint32_t generation = 0;
  };
  struct Worker {
    LiveView<UserTable> users;
    std::shared_ptr<Desk> desk = std::make_shared<Desk>();   // held by jobs too
  };
  class Job;

  Outcome ask(Call& call, Worker& worker, const QuestionKey& key, BasicCredentials credentials) const;
  Outcome accept(Call& call, std::string_view user, const crypto::PasswordHash* hash) const;

  std::string name_;
  BasicOptions options_;
  std::string challenge_;
  std::shared_ptr<const UserFile> users_;
  PerWorker<Worker> workers_;
};

}  // namespace sluice::policy
