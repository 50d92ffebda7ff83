#include "policy/auth/identity_block.h"

#include <cstring>

namespace sluice::policy {
namespace {

/// Places things one after the other: lists of views first, then all text.
class Packer {
 public:
  explicit Packer(char* memory) : at_(memory) {}

  template <class T>
  T* list(size_t count) {
    T* first = reinterpret_cast<T*>(at_);
    at_ += count * sizeof(T);
    return first;
  }
  std::string_view text(std::string_view source) {
    if (source.empty()) return {};
    std::memcpy(at_, source.data(), source.size());
    at_ += source.size();
    return {at_ - source.size(), source.size()};
  }

 private:
  char* at_;
};

size_t bytes_of(std::span<const std::string_view> list) {
  size_t bytes = list.size_bytes();
  for (std::string_view text : list) bytes += text.size();
  return bytes;
}

size_t bytes_of(const Identity& identity) {
  size_t bytes = identity.subject.size() + identity.consumer.size() + identity.credential.size();
  bytes += bytes_of(identity.scopes) + bytes_of(identity.roles) + bytes_of(identity.groups);
  bytes += identity.claims.size_bytes();
  for (const Claim& claim : identity.claims) bytes += claim.name.size() + claim.value.size();
  return bytes;
}

/// Lets every view of the copy look at the copy.
class Mover {
 public:
  Mover(const char* from, char* to) : from_(from), to_(to) {}

  void move(std::string_view& text) const {
    if (!text.empty()) text = {to_ + (text.data() - from_), text.size()};
  }
  template <class T>
  std::span<T> move(std::span<const T> list) const {
    if (list.empty()) return {};
    const char* first = to_ + (reinterpret_cast<const char*>(list.data()) - from_);
    return {reinterpret_cast<T*>(const_cast<char*>(first)), list.size()};
  }
  std::span<const std::string_view> move_texts(std::span<const std::string_view> list) const {
    std::span<std::string_view> moved = move(list);
    for (std::string_view& text : moved) move(text);
    return moved;
  }

 private:
  const char* from_;
  char* to_;
};

}  // namespace

IdentityBlock::IdentityBlock(const Identity& source)
    : memory_(new char[bytes_of(source)]), size_(bytes_of(source)), identity_(source) {
  Packer packer(memory_.get());
  auto* claims = packer.list<Claim>(source.claims.size());
  auto* scopes = packer.list<std::string_view>(source.scopes.size());
  auto* roles = packer.list<std::string_view>(source.roles.size());
  auto* groups = packer.list<std::string_view>(source.groups.size());
  for (size_t i = 0; i < source.claims.size(); ++i)
    new (claims + i) Claim{packer.text(source.claims[i].name), packer.text(source.claims[i].value), source.claims[i].form};
  auto copy_texts = [&](std::span<const std::string_view> list, std::string_view* to) {
    for (size_t i = 0; i < list.size(); ++i) new (to + i) std::string_view(packer.text(list[i]));
    return std::span<const std::string_view>(to, list.size());
  };
  identity_.handle = {};   // who keeps a block finds it otherwise
  identity_.claims = {claims, source.claims.size()};
  identity_.scopes = copy_texts(source.scopes, scopes);
  identity_.roles = copy_texts(source.roles, roles);
  identity_.groups = copy_texts(source.groups, groups);
  identity_.subject = packer.text(source.subject);
  identity_.consumer = packer.text(source.consumer);
  identity_.credential = packer.text(source.credential);
}

Identity* IdentityBlock::copy_to(Arena& arena) const {
  auto* copy = arena.make<Identity>(identity_);
  if (size_ == 0) return copy;
  auto* memory = static_cast<char*>(arena.allocate(size_));
  std::memcpy(memory, memory_.get(), size_);
  Mover mover(memory_.get(), memory);
  std::span<Claim> claims = mover.move(identity_.claims);
  for (Claim& claim : claims) {
    mover.move(claim.name);
    mover.move(claim.value);
  }
  copy->claims = claims;
  copy->scopes = mover.move_texts(identity_.scopes);
  copy->roles = mover.move_texts(identity_.roles);
  copy->groups = mover.move_texts(identity_.groups);
  mover.move(copy->subject);
  mover.move(copy->consumer);
  mover.move(copy->credential);
  return copy;
}

}  // namespace sluice::policy
