#include "core/sha256.h"

#include <gtest/gtest.h>

namespace deepgemm::core {
namespace {

std::string hash(const std::string& text) { return sha256_hex(text); }

// Vectors of FIPS 180-4 and NIST's examples.
TEST(Sha256, GivesThePublishedDigests) {
  EXPECT_EQ(hash(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hash(std::string(1000000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, DoesNotDependOnHowTheInputIsCut) {
  const std::string text(1000, 'x');
  for (const std::size_t cut : {1u, 55u, 56u, 63u, 64u, 65u, 999u}) {
    Sha256 pieces;
    pieces.update(std::string_view(text).substr(0, cut));
    pieces.update(std::string_view(text).substr(cut));
    EXPECT_EQ(pieces.hex(), hash(text)) << cut;
  }
}

TEST(Sha256, FieldsDoNotRunTogether) {
  Sha256 one;
  one.update_field("ab");
  one.update_field("c");
  Sha256 other;
  other.update_field("a");
  other.update_field("bc");
  EXPECT_NE(one.hex(), other.hex());
}

}  // namespace
}  // namespace deepgemm::core
