// What one worker counts of the gRPC calls of one route, by method and by how they ended. Methods are named by clients:
// only kGrpcMethodsMax of a route get counters of their own, and only those that a server has shown to exist.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/counter.h"
#include "base/hash.h"

namespace sluice::observe {

/// How a call ended: the codes of gRPC in their order; "none" when no status came.
inline constexpr std::string_view kGrpcCodeLabels[] = {
    "OK",                "CANCELLED",           "UNKNOWN",       "INVALID_ARGUMENT",  "DEADLINE_EXCEEDED", "NOT_FOUND",
    "ALREADY_EXISTS",    "PERMISSION_DENIED",   "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED",    "OUT_OF_RANGE",
    "UNIMPLEMENTED",     "INTERNAL",            "UNAVAILABLE",   "DATA_LOSS",         "UNAUTHENTICATED",   "none"};
inline constexpr size_t kGrpcCodes = std::size(kGrpcCodeLabels);
inline constexpr uint8_t kNoGrpcStatus = kGrpcCodes - 1;

inline constexpr size_t kGrpcMethodsMax = 64;         // of a route, in each worker; a service has about a dozen
inline constexpr size_t kGrpcMethodBytesMax = 256;    // a longer name is counted as "other"

class GrpcRouteMetrics {
 public:
  using Codes = std::array<Counter, kGrpcCodes>;

  GrpcRouteMetrics() = default;
  GrpcRouteMetrics(const GrpcRouteMetrics&) = delete;
  ~GrpcRouteMetrics() {
    for (auto& slot : methods_) delete slot.load(std::memory_order_relaxed);
  }

  /// Writer only. `method`: "package.Service/Method". `exists`: a server has answered for it, so that it may have a
  /// series. needs: code < kGrpcCodes
  void count(std::string_view method, uint8_t code, bool exists) { codes_of(method, exists)[code].add(); }

  /// Any thread. Calls visit(method, codes); what has no series of its own comes with an empty name.
  template <class Visit>
  void each(Visit visit) const {
    for (const auto& slot : methods_) {
      const Method* method = slot.load(std::memory_order_acquire);
      if (method != nullptr) visit(std::string_view(method->name), method->codes);
    }
    visit(std::string_view(), other_);
  }

 private:
  struct Method {
    std::string name;
    Codes codes;
  };

  Codes& codes_of(std::string_view method, bool exists) {
    if (method.empty() || method.size() > kGrpcMethodBytesMax) return other_;
    size_t start = fnv1a(method) % kGrpcMethodsMax;   // a flood of it costs 64 comparisons
    for (size_t step = 0; step < kGrpcMethodsMax; ++step) {
      auto& slot = methods_[(start + step) % kGrpcMethodsMax];
      Method* held = slot.load(std::memory_order_relaxed);
      if (held == nullptr && !exists) return other_;
      if (held == nullptr) return add(slot, method);
      if (held->name == method) return held->codes;
    }
    return other_;
  }

  static Codes& add(std::atomic<Method*>& slot, std::string_view name) {
    auto method = std::make_unique<Method>();
    method->name = name;
    slot.store(method.get(), std::memory_order_release);
    return method.release()->codes;
  }

  std::array<std::atomic<Method*>, kGrpcMethodsMax> methods_{};
  Codes other_;
};

}  // namespace sluice::observe
