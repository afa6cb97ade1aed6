#include "core/net/timer_queue.hpp"

namespace dunlin::net {

void TimerQueue::up(std::size_t place) noexcept {
  Timer* const timer = heap_[place];
  while (place > 0) {
    const std::size_t parent = (place - 1) / 2;
    if (heap_[parent]->due_ <= timer->due_) break;
    put(heap_[parent], place);
    place = parent;
  }
  put(timer, place);
}

void TimerQueue::down(std::size_t place) noexcept {
  Timer* const timer = heap_[place];
  for (;;) {
    std::size_t child = 2 * place + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1]->due_ < heap_[child]->due_) ++child;
    if (timer->due_ <= heap_[child]->due_) break;
    put(heap_[child], place);
    place = child;
  }
  put(timer, place);
}

void TimerQueue::set(Timer& timer, Nanoseconds due) {
  if (due == never) {
    cancel(timer);
    return;
  }
  if (timer.place_ == Timer::idle) {
    timer.due_ = due;
    heap_.push_back(&timer);
    up(heap_.size() - 1);
    return;
  }
  const bool sooner = due < timer.due_;
  timer.due_ = due;
  if (sooner)
    up(timer.place_);
  else
    down(timer.place_);
}

void TimerQueue::cancel(Timer& timer) noexcept {
  if (timer.place_ == Timer::idle) return;
  const std::size_t place = timer.place_;
  Timer* const last = heap_.back();
  heap_.pop_back();
  timer.place_ = Timer::idle;
  timer.due_ = never;
  if (last == &timer) return;
  put(last, place);
  up(place);
  down(last->place_);
}

void TimerQueue::run(Nanoseconds now) {
  while (!heap_.empty() && heap_.front()->due_ <= now) {
    Timer* const timer = heap_.front();
    cancel(*timer);
    timer->on_due(now);
  }
}

}  // namespace dunlin::net
