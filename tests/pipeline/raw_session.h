// A session that is opened on a bare socket, for clients that keep to the protocol so far and no further.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>

#include "meter-proto/encode.h"
#include "tests/pipeline/raw_socket.h"
#include "tests/pipeline/support.h"

namespace electra::test {

// The hello of a holder of the genesis on a bare socket.
inline void open_session(RawSocket& socket, state::Slot slot) {
  const auto welcome_body = socket.read_frame(kPatience);
  ASSERT_TRUE(welcome_body);
  strict::FrameView frame;
  strict::Welcome welcome;
  ASSERT_EQ(strict::decode_frame(*welcome_body, frame), Result::ok);
  ASSERT_EQ(strict::decode_welcome(frame.message, welcome), Result::ok);
  Bytes32 genesis_hash;
  ASSERT_EQ(welcome.genesis_hash.size(), genesis_hash.size());
  std::ranges::copy(welcome.genesis_hash, genesis_hash.begin());
  const auto signature =
      Person(holder_name(slot)).sign_function()(proto::SignatureKind::hello, genesis_hash, 0, welcome.nonce);
  Bytes hello(proto::kSessionFrameBytesMax);
  hello.resize(
      proto::encode_hello_frame({.version = 1, .slot = slot, .key_generation = 1, .signature = *signature}, hello));
  ASSERT_TRUE(socket.send(hello));
  ASSERT_TRUE(socket.read_frame(kPatience));
}

}  // namespace electra::test
