// One per worker: what its TLS connections share while OpenSSL runs. A single custom BIO object serves
// them all: it reads from the chain that the running call was given and writes into pool blocks.
#pragma once

#include <openssl/bio.h>

#include <memory>
#include <string_view>

#include "base/chain.h"
#include "loop/loop.h"

namespace sluice::net {

class TlsIo {
 public:
  /// needs: the loop to outlive it; transports may outlive it by the drain that frees them
  explicit TlsIo(Loop& loop);
  TlsIo(const TlsIo&) = delete;
  TlsIo& operator=(const TlsIo&) = delete;
  ~TlsIo();

  Loop& loop() { return *loop_; }
  /// gives: the shared BIO with one more count, for SSL_set_bio
  BIO* share_bio();

  /// Around every call into OpenSSL that may read or write the wire.
  class Call {
   public:
    Call(TlsIo& io, Chain& input) : io_(&io) { io.input_ = &input; }
    Call(const Call&) = delete;
    ~Call() { io_->input_ = nullptr; }

   private:
    TlsIo* io_;
  };
  /// What the last calls wrote.
  Chain take_output() { return std::move(output_); }

  /// Room for plaintext: the worker's block, a fresh one when somebody kept bytes of the last; a
  /// large one when more than a normal one holds is waiting.
  Block& plain_block(size_t waiting);
  /// Collects small slices into full records (kRecordBytes long).
  static constexpr size_t kRecordBytes = 16 * 1024;   // RFC 8446 section 5.1
  char* record() { return record_.get(); }

 private:
  static int on_write(BIO* bio, const char* data, int size);
  static int on_read(BIO* bio, char* out, int size);
  static long on_control(BIO* bio, int command, long number, void* pointer);
  static const BIO_METHOD* method();
  void append(std::string_view bytes);

  Loop* loop_;
  BIO* bio_;
  Chain* input_ = nullptr;   // of the call under way
  Chain output_;
  BlockRef plain_;
  BlockRef large_;           // records are packed into it one behind the other
  size_t large_used_ = 0;
  std::unique_ptr<char[]> record_;
};

}  // namespace sluice::net
