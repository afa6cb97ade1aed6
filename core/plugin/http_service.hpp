// Endpoints under the monitoring listener: who registered which path, and requests on their way.
//
// Registering and dispatching happen on control; answers come from any thread and are handed to the
// asker on control. When a plugin stops, its open requests are answered with 503, and answers for a
// stopped asker are dropped.

#pragma once

#include <dunlin/ext/http.h>

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "core/plugin/executor.hpp"

namespace dunlin::plugin {

class HttpService {
 public:
  explicit HttpService(Executor& executor);
  ~HttpService();

  dunlin_status add(std::string_view plugin, const dunlin_endpoint& endpoint);
  void remove(std::string_view plugin, std::string_view path);
  void each(bool (*visit)(void* user, dunlin_str plugin, const dunlin_endpoint* endpoint),
            void* user) const;
  dunlin_status dispatch(std::string_view asker, const dunlin_http_request& request,
                         dunlin_http_answer answer, void* user);
  // False when the exchange is not open (answered twice, or its plugin stopped).  [any thread]
  bool respond(dunlin_http_exchange* exchange, const dunlin_http_response& response);
  void forget(std::string_view plugin);

 private:
  struct Endpoint;
  using Exchange = dunlin_http_exchange;

  void finish(std::unique_ptr<Exchange> exchange, const dunlin_http_response& response);

  Executor& executor_;
  std::map<std::string, std::unique_ptr<Endpoint>, std::less<>> endpoints_;
  std::mutex mutex_;  // guards open_ and stopped_askers_
  std::map<Exchange*, std::unique_ptr<Exchange>> open_;
  std::set<std::string, std::less<>> stopped_askers_;
};

}  // namespace dunlin::plugin
