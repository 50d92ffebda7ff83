// Authorization: Basic, and files of users: what is read is within its limits and says what was written.
#include "base/base64.h"
#include "fuzz.h"
#include "policy/auth/basic_credentials.h"
#include "policy/auth/user_table.h"

using namespace sluice;
using namespace sluice::policy;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text = text_of(data, size);
  if (auto credentials = BasicCredentials::parse(text)) {
    CLAIM(credentials->user.size() <= kUserBytesMax);
    CLAIM(credentials->password.bytes().size() <= crypto::kPasswordBytesMax);
    CLAIM(credentials->user.find(':') == std::string::npos);
    std::string again;
    append_base64(credentials->user + ":" + std::string(credentials->password.bytes()), again);
    CLAIM(again == text);
  }
  if (auto value = after_basic(text)) CLAIM(value->size() + 5 <= text.size());
  if (auto users = UserTable::read(text)) {
    CLAIM((users->decoy() == nullptr) == (users->size() == 0));
    if (users->size() > 0) CLAIM(!users->decoy()->cost().empty());
  } else {
    CLAIM(users.error().starts_with("line "));
  }
  return 0;
}
