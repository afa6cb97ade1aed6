#include "core/auth/server_identity.hpp"

#include <gtest/gtest.h>
#include <sodium.h>

#include "core/auth/nkey.hpp"

namespace dunlin::auth {
namespace {

// Vectors of the nkeys format, made with nats-io/nkeys from 32 bytes 0, 1, 2, ...
PublicKey counting_key() {
  PublicKey key;
  for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<std::uint8_t>(i);
  return key;
}

TEST(nkey, public_keys_are_written_as_nkeys_writes_them) {
  EXPECT_EQ(encode_public_nkey(NkeyKind::server, counting_key()),
            "NAAACAQDAQCQMBYIBEFAWDANBYHRAEISCMKBKFQXDAMRUGY4DUPB6CRG");
  EXPECT_EQ(encode_public_nkey(NkeyKind::user, counting_key()),
            "UAAACAQDAQCQMBYIBEFAWDANBYHRAEISCMKBKFQXDAMRUGY4DUPB63NN");
  EXPECT_EQ(encode_public_nkey(NkeyKind::curve, counting_key()),
            "XAAACAQDAQCQMBYIBEFAWDANBYHRAEISCMKBKFQXDAMRUGY4DUPB7QO7");
}

// The id of a running nats-server.
TEST(nkey, written_keys_read_back) {
  const std::string text = "NCF2UFG3T4OQVH54XLVKCOZF3OEDFF7YIV2IABOCDDS33AW2DPFPM727";
  const auto key = decode_public_nkey(NkeyKind::server, text);
  ASSERT_TRUE(key.has_value());
  EXPECT_EQ(encode_public_nkey(NkeyKind::server, *key), text);
}

TEST(nkey, damaged_keys_are_refused) {
  const std::string text = encode_public_nkey(NkeyKind::server, counting_key());
  EXPECT_FALSE(decode_public_nkey(NkeyKind::user, text));
  EXPECT_FALSE(decode_public_nkey(NkeyKind::server, text.substr(1)));
  EXPECT_FALSE(decode_public_nkey(NkeyKind::server, text + "A"));
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto damaged = text;
    damaged[i] = damaged[i] == 'B' ? 'C' : 'B';
    EXPECT_FALSE(decode_public_nkey(NkeyKind::server, damaged)) << i;
    damaged[i] = 'a';
    EXPECT_FALSE(decode_public_nkey(NkeyKind::server, damaged)) << i;
  }
}

// TestInfoServerNameDefaultsToPK
TEST(server_identity, keys_have_the_servers_letters) {
  const ServerIdentity identity(ServerIdentity::random_seed(), ServerIdentity::random_seed());
  EXPECT_EQ(identity.id().size(), 56u);
  EXPECT_EQ(identity.id().front(), 'N');
  EXPECT_EQ(identity.xkey().size(), 56u);
  EXPECT_EQ(identity.xkey().front(), 'X');
}

TEST(server_identity, each_start_has_another) {
  const ServerIdentity one(ServerIdentity::random_seed(), ServerIdentity::random_seed());
  const ServerIdentity other(ServerIdentity::random_seed(), ServerIdentity::random_seed());
  EXPECT_NE(one.id(), other.id());
  EXPECT_NE(one.xkey(), other.xkey());
}

TEST(server_identity, signature_verifies_with_the_public_key) {
  const ServerIdentity identity(ServerIdentity::random_seed(), ServerIdentity::random_seed());
  const std::array<std::uint8_t, 3> message = {1, 2, 3};
  auto signature = identity.sign(message);
  const auto key = decode_public_nkey(NkeyKind::server, identity.id());
  ASSERT_TRUE(key.has_value());
  const auto verifies = [&] {
    return crypto_sign_verify_detached(signature.data(), message.data(), message.size(),
                                       key->data()) == 0;
  };
  EXPECT_TRUE(verifies());
  signature[0] ^= 1;
  EXPECT_FALSE(verifies());
}

// TestServerInfoNonce
TEST(nonce, is_fifteen_letters_and_new_each_time) {
  EXPECT_EQ(random_nonce().size(), 15u);
  EXPECT_NE(random_nonce(), random_nonce());
  EXPECT_EQ(random_nonce().find_first_of("+/="), std::string::npos);
}

}  // namespace
}  // namespace dunlin::auth
