// The text of a configuration file, read without ever being held up for long.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace sluice::config {

/// How long whoever writes into a pipe may take: a generator behind `check /dev/stdin` or `check <(generate)`.
inline constexpr std::chrono::milliseconds kPipePatience{10'000};

/// Reads a regular file, or a pipe to its end. gives: its text, one byte over `bytes_max` or more when it is larger;
/// nothing, and the reason in `why`, when it cannot be read
std::optional<std::string> read_file_text(const std::string& path, size_t bytes_max, std::string& why,
                                          std::chrono::milliseconds pipe_patience = kPipePatience);

}  // namespace sluice::config
