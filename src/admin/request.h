// One request to an admin listener (private to admin/): answered when it is whole.
#pragma once

#include "admin/pages.h"
#include "base/arena.h"
#include "control/keeper.h"
#include "http/stream.h"
#include "proxy/pump.h"

namespace sluice::admin {

class Request final : public http::StreamEvents,
                      private Deferred,
                      private control::Reload::Waiter,
                      private control::Survey::Waiter {
 public:
  Request(control::Keeper& keeper, http::Stream& stream, const Peer& peer)
      : keeper_(&keeper), stream_(&stream), peer_(peer), arena_(keeper.loop().blocks()) {}

  Arena& arena() override { return arena_; }
  void on_head(http::Head& head) override { head_ = &head; }
  void on_informational(http::Head&) override {}
  void on_body(Chain bytes) override { stream_->consume(bytes.size()); }
  void on_trailers(http::Fields&) override {}
  void on_end() override;
  void on_credit() override { go_on(); }
  void on_reset(Error) override { stream_ = nullptr; end(); }
  void on_refused(const http::Problem& problem, http::Head& head) override {
    answer(problem_page(problem, head), false);
  }

 private:
  void reload();
  void look();
  std::string on_record(std::string_view action);
  void on_reloaded(const control::ReloadReport& report) override;
  void on_surveyed(const proxy::InFlightReport& report, size_t silent) override;
  void answer(const Page& page, bool keep_alive);
  void go_on();
  void end();
  void release() override { delete this; }

  control::Keeper* keeper_;
  http::Stream* stream_;
  Peer peer_;
  http::Head* head_ = nullptr;
  proxy::Pump pump_;
  Arena arena_;
};

}  // namespace sluice::admin
