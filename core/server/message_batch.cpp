#include "core/server/message_batch.hpp"

#include <cstring>

namespace dunlin::server {

namespace {

// A plugin that keeps one message keeps its whole block: not too large.
constexpr std::size_t block_bytes = 32 * 1024;
constexpr std::size_t spare_max = 16;
// A batch that once was larger than this is freed instead of kept.
constexpr std::size_t spare_messages_max = 4096;

}  // namespace

void MessageBatch::drop() noexcept {
  for (SharedBuffer* const block : blocks) block->release();
  blocks.clear();
  messages.clear();
  bytes = 0;
  last = nullptr;
}

std::size_t room_for(const routing::Message& message) noexcept {
  return message.subject.size() + message.reply.size() + message.size;
}

dunlin_msg copy_message(const routing::Message& message, std::uint64_t origin,
                        SharedBuffer& buffer, std::size_t at) noexcept {
  char* write = buffer.data() + at;
  const auto put = [&write](std::string_view text) {
    if (!text.empty()) std::memcpy(write, text.data(), text.size());
    write += text.size();
    return std::string_view(write - text.size(), text.size());
  };
  dunlin_msg copy{};
  copy.subject = str(put(message.subject));
  if (!message.reply.empty()) copy.reply = str(put(message.reply));
  const std::string_view content = put(message.content());
  if (message.header_size != 0) copy.header = bytes_of(content.substr(0, message.header_size));
  copy.payload = bytes_of(content.substr(message.header_size));
  copy.owner = buffer.handle();
  copy.origin = shown_origin(origin);
  return copy;
}

BatchMaker::~BatchMaker() {
  for (MessageBatch* const batch : spare_) delete batch;
  if (block_ != nullptr) block_->release();
}

MessageBatch* BatchMaker::take() {
  if (spare_.empty()) return new MessageBatch;
  MessageBatch* const batch = spare_.back();
  spare_.pop_back();
  return batch;
}

void BatchMaker::give_back(MessageBatch* batch) {
  batch->drop();
  if (spare_.size() == spare_max || batch->messages.capacity() > spare_messages_max)
    delete batch;
  else
    spare_.push_back(batch);
}

void BatchMaker::add(MessageBatch& batch, const routing::Message& message, std::uint64_t origin) {
  const std::size_t size = room_for(message);
  if (block_ != nullptr && block_->is_unshared()) used_ = 0;
  if (block_ == nullptr || block_->size() - used_ < size) {
    if (block_ != nullptr) block_->release();
    block_ = SharedBuffer::create(std::max(size, block_bytes));
    used_ = 0;
  }
  if (batch.blocks.empty() || batch.blocks.back() != block_) {
    block_->retain();
    batch.blocks.push_back(block_);
  }
  batch.messages.push_back(copy_message(message, origin, *block_, used_));
  batch.bytes += size;
  used_ += size;
}

}  // namespace dunlin::server
