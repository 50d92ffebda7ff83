// What one worker knows of answers that cost something to get (a hash of a password, a question to another service), and
// who waits for one. Knows not how they are got. What was asked is known by a keyed hash only.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <initializer_list>
#include <list>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "crypto/hmac.h"
#include "crypto/random.h"
#include "policy/resume.h"

namespace sluice::policy {

/// HMAC-SHA-256 of a question under a key that is the desk's own: nobody can choose two that meet, nobody who reads
/// memory finds a credential.
using QuestionKey = std::array<unsigned char, 32>;

/// `Value`: has `size_t bytes() const`, what it holds beside itself.
template <class Value>
class AnswerDesk {
 public:
  struct Held {
    Value value;
    TimePoint fresh_until{};   // from then on it is asked for anew
  };

  /// So much is always kept: an answer must still be there when those run who waited for it.
  static constexpr size_t kBytesLeast = 64 * 1024;

  AnswerDesk() : hmac_(random_key()) {}
  AnswerDesk(const AnswerDesk&) = delete;

  /// Of these pieces, none of which can be taken for the start of the next.
  QuestionKey key_of(std::initializer_list<std::string_view> pieces) {
    for (std::string_view piece : pieces) {
      uint64_t size = piece.size();
      hmac_.add({reinterpret_cast<const char*>(&size), sizeof(size)});
      hmac_.add(piece);
    }
    QuestionKey key;
    hmac_.finish(key.data());
    return key;
  }

  /// gives: what is known, also when it is no longer fresh; null: nothing. Valid until the next keep().
  Held* find(const QuestionKey& key) {
    auto found = known_.find(key);
    if (found == known_.end()) return nullptr;
    order_.splice(order_.begin(), order_, found->second);
    return &found->second->held;
  }

  /// Somebody has asked, and settle() is still to come.
  bool asked(const QuestionKey& key) const { return open_.contains(key); }
  /// `resume` is given "again" when the answer is there. needs: somebody has asked, or asks in this very turn
  void wait(const QuestionKey& key, const Resume& resume) { open_[key].push_back(resume); }
  /// Questions without an answer.
  size_t open() const { return open_.size(); }

  /// Keeps an answer; while there are more bytes than `bytes_max` the one goes that was not asked for the longest.
  void keep(const QuestionKey& key, Held held, size_t bytes_max) {
    forget(key);
    order_.push_front({key, std::move(held), 0});
    Entry& entry = order_.front();
    entry.bytes = kEntryBytes + entry.held.value.bytes();
    bytes_ += entry.bytes;
    known_[key] = order_.begin();
    while (bytes_ > std::max(bytes_max, kBytesLeast)) forget(QuestionKey(order_.back().key));
  }
  /// Those who wait run once more.
  void settle(const QuestionKey& key) {
    auto open = open_.find(key);
    if (open == open_.end()) return;
    std::vector<Resume> waiting = std::move(open->second);
    open_.erase(open);
    for (Resume& resume : waiting) resume.give(Verdict::again());
  }
  void forget(const QuestionKey& key) {
    auto found = known_.find(key);
    if (found == known_.end()) return;
    bytes_ -= found->second->bytes;
    order_.erase(found->second);
    known_.erase(found);
  }
  void forget_all() {
    known_.clear();
    order_.clear();
    bytes_ = 0;
  }
  size_t size() const { return known_.size(); }
  size_t bytes() const { return bytes_; }

 private:
  struct Entry {
    QuestionKey key;
    Held held;
    size_t bytes;
  };
  struct Hash {
    size_t operator()(const QuestionKey& key) const {   // as good as random: it is a digest
      size_t hash;
      std::memcpy(&hash, key.data(), sizeof(hash));
      return hash;
    }
  };
  static crypto::HmacKey random_key() {
    unsigned char key[32];
    crypto::fill_random(key);
    return {crypto::Hash::sha256, {reinterpret_cast<const char*>(key), sizeof(key)}};
  }
  using Order = std::list<Entry>;   // asked for last comes first
  static constexpr size_t kEntryBytes = sizeof(Entry) + sizeof(QuestionKey) + 8 * sizeof(void*);   // two nodes, a bucket

  crypto::Hmac hmac_;
  Order order_;
  std::unordered_map<QuestionKey, typename Order::iterator, Hash> known_;
  std::unordered_map<QuestionKey, std::vector<Resume>, Hash> open_;
  size_t bytes_ = 0;
};

}  // namespace sluice::policy
