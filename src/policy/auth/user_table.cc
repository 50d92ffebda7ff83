#include "policy/auth/user_table.h"

#include <algorithm>
#include <utility>

#include "config/file_text.h"

namespace sluice::policy {

std::string UserTable::take(std::string_view line) {
  size_t colon = line.find(':');
  if (colon == line.npos) return "has no colon between user and hash";
  std::string_view name = line.substr(0, colon);
  if (name.empty() || name.size() > kUserBytesMax) return "has no user name of 1 to 255 bytes";
  auto hash = crypto::PasswordHash::parse(line.substr(colon + 1));
  if (!hash) return hash.error();
  auto [place, is_new] = users_.try_emplace(std::string(name), *std::move(hash));
  return is_new ? "" : "has a user that another line has too";
}

void UserTable::choose_decoy() {
  std::map<std::string_view, size_t> users_of;
  size_t most = 0;
  for (const auto& [name, hash] : users_) {
    size_t count = ++users_of[hash.cost()];
    if (count <= most) continue;
    most = count;
    decoy_ = &hash;
  }
}

Result<UserTable, std::string> UserTable::read(std::string_view text) {
  UserTable table;
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";   // of editors: no part of the first user's name
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  for (size_t number = 1; !text.empty(); ++number) {
    size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    std::string fault = table.take(line);
    if (!fault.empty()) return "line " + std::to_string(number) + " " + fault;
  }
  table.choose_decoy();
  return table;
}

const crypto::PasswordHash* UserTable::find(std::string_view user) const {
  auto found = users_.find(user);
  return found == users_.end() ? nullptr : &found->second;
}

Result<UserTable, std::string> UserFile::load(const std::string& path) {
  std::string why;
  auto text = config::read_file_text(path, kUserFileBytesMax, why, std::chrono::milliseconds(0));
  if (text && text->size() > kUserFileBytesMax) return std::string("larger than 32 MiB");
  if (!text) return why;
  return UserTable::read(*text);
}

Result<FilesSummary, std::string> UserFile::read() {
  auto table = load(path_);
  if (!table) return table.error();
  size_t count = table->size();
  live_.replace(std::make_shared<const UserTable>(*std::move(table)));
  return FilesSummary{std::to_string(count) + " users"};
}

}  // namespace sluice::policy
