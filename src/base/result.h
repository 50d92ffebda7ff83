// A value or an Error, spelled like std::expected (which needs -std=c++23 and is unknown to clang-tidy 14).
#pragma once

#include <type_traits>
#include <utility>
#include <variant>

#include "base/check.h"
#include "base/error.h"

namespace sluice {

template <class T, class E = Error>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(E error) : state_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return state_.index() == 0; }
  bool has_value() const { return state_.index() == 0; }

  T& operator*() & { DCHECK(has_value()); return *std::get_if<0>(&state_); }
  const T& operator*() const& { DCHECK(has_value()); return *std::get_if<0>(&state_); }
  T&& operator*() && { DCHECK(has_value()); return std::move(*std::get_if<0>(&state_)); }
  T* operator->() { DCHECK(has_value()); return std::get_if<0>(&state_); }
  const T* operator->() const { DCHECK(has_value()); return std::get_if<0>(&state_); }

  const E& error() const { DCHECK(!has_value()); return *std::get_if<1>(&state_); }
  T value_or(T other) const { return has_value() ? **this : std::move(other); }

 private:
  std::variant<T, E> state_;
};

/// Done, or why not.
template <class E>
class [[nodiscard]] Result<void, E> {
 public:
  Result() = default;
  Result(E error) : error_(std::move(error)), failed_(true) {}

  explicit operator bool() const { return !failed_; }
  bool has_value() const { return !failed_; }
  const E& error() const { DCHECK(failed_); return error_; }

 private:
  E error_{};
  bool failed_ = false;
};

}  // namespace sluice
