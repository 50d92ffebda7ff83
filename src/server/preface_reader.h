// The first bytes of a plain connection on a listener that takes HTTP/1 and HTTP/2 both: which of them is spoken is
// seen there (RFC 9113 section 3.3). Answers nothing, and is gone when it knows.
#pragma once

#include "http/codec.h"

namespace sluice::server {

class PrefaceReader final : public http::Codec {
 public:
  class Owner {
   public:
    /// `bytes` are the first ones of the connection. The reader may be destroyed here.
    virtual void on_protocol(http::Version version, Chain bytes) = 0;
    virtual BlockPool& blocks() = 0;
    /// It is drained: a request may be on its way, but not for long.
    virtual void on_hurry() = 0;
    /// It ends before that.
    virtual void on_no_protocol(http::Finish how) = 0;

   protected:
    ~Owner() = default;
  };

  explicit PrefaceReader(Owner& owner) : owner_(&owner) {}

  void feed(const Slice& bytes) override;
  void on_eof() override { owner_->on_no_protocol(http::Finish::flush); }
  void on_failed(Error) override { owner_->on_no_protocol(http::Finish::abort); }
  void on_write_failed(Error) override { owner_->on_no_protocol(http::Finish::abort); }
  void on_room() override {}
  void on_timeout(http::Phase) override { owner_->on_no_protocol(http::Finish::flush); }
  void drain() override {
    draining_ = true;
    owner_->on_hurry();
  }
  bool draining() const { return draining_; }

 private:
  Owner* owner_;
  Chain bytes_;
  bool draining_ = false;
};

}  // namespace sluice::server
