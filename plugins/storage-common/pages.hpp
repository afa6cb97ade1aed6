// An array in pages: grows without moving what is there, so that no append stalls. Only the first
// page grows by doubling, which keeps small arrays small.
//
// Owned and used by one thread at a time. Out of memory throws std::bad_alloc and changes nothing.
// References stay valid until the next append while there is only one page, afterwards until
// `clear`.

#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <vector>

namespace dunlin::storage {

template <class T, std::size_t per_page>
class Pages {
  static_assert((per_page & (per_page - 1)) == 0, "a power of two");

 public:
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  T& operator[](std::size_t index) noexcept { return pages_[index / per_page][index % per_page]; }
  const T& operator[](std::size_t index) const noexcept {
    return pages_[index / per_page][index % per_page];
  }
  void push_back(const T& value) {
    extend(1);
    (*this)[size_ - 1] = value;
  }
  // Appends `n` default values that lie in one page; returns the index of the first. What is left
  // of the page in front of them stays unused. `n` is at most `per_page`.
  std::size_t extend(std::size_t n) {
    std::size_t begin = size_;
    if (begin % per_page + n > per_page) begin += per_page - begin % per_page;
    if (begin + n > capacity_) grow(begin + n);
    size_ = begin + n;
    return begin;
  }
  void pop_back() noexcept { --size_; }
  void clear() noexcept {
    pages_.clear();
    pages_.shrink_to_fit();
    size_ = capacity_ = 0;
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return capacity_ * sizeof(T) + pages_.capacity() * sizeof(pages_[0]);
  }

 private:
  void grow(std::size_t needed) {
    if (capacity_ >= per_page) {
      pages_.push_back(std::make_unique<T[]>(per_page));
      capacity_ += per_page;
      return;
    }
    auto wanted = std::max<std::size_t>(capacity_, 1);
    while (wanted < std::min(needed, per_page)) wanted *= 2;
    if (wanted > capacity_) {
      auto page = std::make_unique<T[]>(wanted);
      if (pages_.empty()) pages_.emplace_back();
      std::move(pages_[0].get(), pages_[0].get() + size_, page.get());
      pages_[0] = std::move(page);
      capacity_ = wanted;
    }
    if (needed > capacity_) grow(needed);
  }

  std::vector<std::unique_ptr<T[]>> pages_;
  std::size_t size_ = 0, capacity_ = 0;
};

}  // namespace dunlin::storage
