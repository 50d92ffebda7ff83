// A change of what is in force that no reload brought: a key file read anew, keys fetched, certificates replaced.
#pragma once

#include <string>

namespace sluice::control {

struct Change {
  enum class Outcome : uint8_t { applied, refused };
  std::string action;   // for the audit log: "files_read", "keys_fetched", "keys_dropped", "certificates_read"
  std::string target;   // "auth.partners", "tls.site"
  Outcome outcome = Outcome::applied;
  std::string detail;   // for a person: "12 keys", or why it was refused
};

/// Keeps a record of changes.
class ChangeWitness {
 public:
  /// Any thread.
  virtual void on_change(Change change) = 0;

 protected:
  ~ChangeWitness() = default;
};

}  // namespace sluice::control
