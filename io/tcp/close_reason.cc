#include "io/tcp_server.h"

namespace electra::io {

std::string_view close_reason_name(CloseReason reason) noexcept {
  switch (reason) {
    case CloseReason::peer_closed:    return "peer_closed";
    case CloseReason::peer_error:     return "peer_error";
    case CloseReason::local:          return "local";
    case CloseReason::hello_timeout:  return "hello_timeout";
    case CloseReason::output_full:    return "output_full";
    case CloseReason::output_stalled: return "output_stalled";
    case CloseReason::shutdown:       return "shutdown";
  }
  return "unknown";
}

}  // namespace electra::io
