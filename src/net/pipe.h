// Kernel pipes through which body bytes go from socket to socket without being read, and the few that the
// process has of them. Knows no HTTP: proxy/pump.cc decides which bytes may go this way.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>

#include "base/chain.h"

namespace sluice::net {

class Pipe {
 public:
  // 0.17 ms a MiB against 0.28 by 256 KiB reads; also the most that an unprivileged user may ask for.
  static constexpr size_t kBytes = 1024 * 1024;
  enum class Fill : uint8_t {
    some,
    nothing,   // no bytes are there yet
    ended,     // no bytes will come this way: an end or a failure, which a read tells
  };

  /// gives: null when the system has no descriptors, or no pipes of this size, left for us
  static std::unique_ptr<Pipe> make();
  Pipe(const Pipe&) = delete;
  ~Pipe();

  /// Bytes in it.
  size_t size() const { return size_; }
  /// Moves at most `most` bytes from a socket into the pipe.
  /// needs: an empty pipe (only then does "nothing" tell of the socket)
  Fill fill_from(int socket, uint64_t most);
  /// Moves what a socket takes. gives: the bytes; fewer than size() when it is full, or has failed, which
  /// the next write tells
  size_t pour_into(int socket);
  /// Reads at most `most` (up to BlockPool::kMedium) bytes out of it.
  void read(BlockPool& blocks, size_t most, Chain& into);

 private:
  Pipe(int out, int in) : out_(out), in_(in) {}

  int out_;   // read end
  int in_;    // write end
  size_t size_ = 0;
};

/// The pipes of the process, lent for one body at a time. Any worker; the lock is held for a few instructions
/// and taken twice for a body of more than 256 KiB.
class SharedPipes {
 public:
  static constexpr size_t kMax = 32;   // an unprivileged user gets 64 of this size

  SharedPipes() = default;
  SharedPipes(const SharedPipes&) = delete;

  /// gives: an empty pipe; null when all are lent or no more can be made
  std::unique_ptr<Pipe> take();
  /// One with bytes left in it is closed.
  void give(std::unique_ptr<Pipe> pipe);
  /// Pipes lent at present.
  size_t lent() const;

 private:
  mutable std::mutex mutex_;
  std::array<std::unique_ptr<Pipe>, kMax> idle_;
  size_t idle_count_ = 0;
  size_t made_ = 0;
};

}  // namespace sluice::net
