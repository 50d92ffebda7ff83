// The files that a TLS context is made of, read at one moment: what is compared, checked and used are
// the same bytes, however the files change meanwhile. Knows no OpenSSL objects (net/tls_pem.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sluice::net {

/// Why a context could not be built, for a message to the operator.
struct TlsFault {
  std::string file;     // the file at fault; empty when it is not about a file
  std::string reason;   // OpenSSL's or the system's words
};

/// Contents are wiped with the object: keys are among them.
class TlsFiles {
 public:
  /// Revocation lists of large authorities have some MiB.
  static constexpr size_t kFileBytesMax = 32 << 20;

  /// errors: a file cannot be read, is no regular file, or is too large
  static Result<TlsFiles, TlsFault> read(const std::vector<std::string>& paths);
  TlsFiles(const TlsFiles&) = delete;
  TlsFiles(TlsFiles&& other) noexcept = default;
  TlsFiles& operator=(TlsFiles&&) = delete;
  ~TlsFiles();

  /// needs: `path` was among those read
  std::string_view text(std::string_view path) const;
  /// Of all contents: equal means that nothing changed.
  uint64_t fingerprint() const;

 private:
  struct File {
    std::string path;
    std::string text;
  };
  TlsFiles() = default;
  Result<void, TlsFault> add(const std::string& path);
  std::vector<File> files_;
};

}  // namespace sluice::net
