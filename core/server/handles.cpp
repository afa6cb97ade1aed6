#include "core/server/handles.hpp"

#include <new>

namespace dunlin::server {

SharedBuffer* SharedBuffer::create(std::size_t size) {
  return new (::operator new(sizeof(SharedBuffer) + size)) SharedBuffer(size);
}

void SharedBuffer::destroy() noexcept {
  this->~SharedBuffer();
  ::operator delete(this);
}

}  // namespace dunlin::server
