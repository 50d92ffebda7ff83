// Users and the hashes of their passwords, as a file of them says (htpasswd's form).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/live.h"
#include "base/result.h"
#include "crypto/password.h"
#include "policy/live_files.h"

namespace sluice::policy {

/// A file is read whole whenever it changes; 100,000 users need some 10 MiB.
inline constexpr size_t kUserFileBytesMax = 32 * 1024 * 1024;
inline constexpr size_t kUserBytesMax = 255;

class UserTable {
 public:
  UserTable() = default;
  UserTable(UserTable&&) = default;

  /// `name:hash`, one a line; empty lines and lines that begin with "#" are passed over.
  /// errors: "line 7: ..." without any of its values; no part of a file with an error counts
  static Result<UserTable, std::string> read(std::string_view text);

  /// gives: null when there is no such user
  const crypto::PasswordHash* find(std::string_view user) const;
  /// Costs as much as most users' hashes: for the time that an unknown one takes. Null: there are no users.
  const crypto::PasswordHash* decoy() const { return decoy_; }
  size_t size() const { return users_.size(); }

 private:
  using Users = std::map<std::string, crypto::PasswordHash, std::less<>>;
  std::string take(std::string_view line);
  void choose_decoy();

  Users users_;
  const crypto::PasswordHash* decoy_ = nullptr;   // in users_, whose nodes stay where they are
};

/// The file of one [auth.NAME].
class UserFile final : public LiveFiles {
 public:
  UserFile(std::string name, std::string path)
      : name_(std::move(name)), path_(std::move(path)), live_(std::make_shared<const UserTable>()) {}
  static Result<UserTable, std::string> load(const std::string& path);

  const Live<UserTable>& live() const { return live_; }

  const std::string& name() const override { return name_; }
  std::vector<std::string> files() const override { return {path_}; }
  Result<FilesSummary, std::string> read() override;

 private:
  std::string name_;
  std::string path_;
  Live<UserTable> live_;
};

}  // namespace sluice::policy
