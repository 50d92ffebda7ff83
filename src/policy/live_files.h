// A Live value that is made of files: key sets, key files, revocation and address lists. The keeper looks at the files
// several times a second and has them read when they change, without a reload (control/file_watch.h).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace sluice::policy {

/// What was read, in a few words for the log: "12 keys".
struct FilesSummary {
  std::string text;
};

class LiveFiles {
 public:
  virtual ~LiveFiles() = default;

  /// Where the configuration names them: "auth.partners".
  virtual const std::string& name() const = 0;
  virtual std::vector<std::string> files() const = 0;
  /// Reads them and puts what they say in force.
  /// errors: what is wrong with them; what was in force stays
  virtual Result<FilesSummary, std::string> read() = 0;
};

}  // namespace sluice::policy
