#include "net/pipe.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"

namespace sluice::net {
namespace {

// The sockets do not block either: without it a splice waits for the pipe, never for them.
constexpr unsigned kFlags = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;

}  // namespace

std::unique_ptr<Pipe> Pipe::make() {
  int ends[2];
  if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) return nullptr;
  std::unique_ptr<Pipe> made(new Pipe(ends[0], ends[1]));
  if (fcntl(ends[1], F_SETPIPE_SZ, static_cast<int>(kBytes)) < static_cast<int>(kBytes)) return nullptr;
  return made;
}

Pipe::~Pipe() {
  close(out_);
  close(in_);
}

Pipe::Fill Pipe::fill_from(int socket, uint64_t most) {
  CHECK(size_ == 0);
  auto asked = static_cast<size_t>(std::min<uint64_t>(most, kBytes));
  ssize_t moved = splice(socket, nullptr, in_, nullptr, asked, kFlags);
  if (moved < 0 && (errno == EAGAIN || errno == EINTR)) return Fill::nothing;
  if (moved <= 0) return Fill::ended;
  size_ = static_cast<size_t>(moved);
  return Fill::some;
}

size_t Pipe::pour_into(int socket) {
  ssize_t moved = 0;
  do {
    moved = splice(out_, nullptr, socket, nullptr, size_, kFlags);
  } while (moved < 0 && errno == EINTR);
  if (moved <= 0) return 0;
  size_ -= static_cast<size_t>(moved);
  return static_cast<size_t>(moved);
}

void Pipe::read(BlockPool& blocks, size_t most, Chain& into) {
  size_t left = std::min(most, size_);
  while (left > 0) {
    Slice room = blocks.scratch(left);
    ssize_t count = ::read(out_, const_cast<char*>(room.data), room.size);
    if (count < 0 && errno == EINTR) continue;
    CHECK(count > 0);   // the bytes are counted, and the pipe is ours alone
    room.size = static_cast<size_t>(count);
    into.append(room);
    blocks.shrink_scratch(room.data + room.size);
    size_ -= room.size;
    left -= room.size;
  }
}

std::unique_ptr<Pipe> SharedPipes::take() {
  {
    std::lock_guard lock(mutex_);
    if (idle_count_ > 0) return std::move(idle_[--idle_count_]);
    if (made_ == kMax) return nullptr;
    ++made_;
  }
  std::unique_ptr<Pipe> made = Pipe::make();
  if (made == nullptr) {
    std::lock_guard lock(mutex_);
    --made_;
  }
  return made;
}

void SharedPipes::give(std::unique_ptr<Pipe> pipe) {
  std::lock_guard lock(mutex_);
  if (pipe->size() == 0) {
    idle_[idle_count_++] = std::move(pipe);
  } else {
    --made_;
  }
}

size_t SharedPipes::lent() const {
  std::lock_guard lock(mutex_);
  return made_ - idle_count_;
}

}  // namespace sluice::net
