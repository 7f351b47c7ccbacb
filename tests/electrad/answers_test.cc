#include "engine/electrad/answers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "meter-proto/address.h"

namespace electra::app {
namespace {

wire::Cycle cycle_78() {
  wire::Cycle cycle;
  cycle.set_cycle_id(78);
  cycle.set_begin(1'666'771'200);
  cycle.set_end(1'666'774'799);
  cycle.set_whin(5400);
  cycle.set_whout(5400);
  cycle.set_moneyin(25'240'000);
  cycle.set_moneyout(25'240'000);
  cycle.set_state("final");
  return cycle;
}

wire::Holder holder_flat() {
  wire::Holder holder;
  Bytes20 address{};
  address.fill(7);
  holder.set_slot(9);
  holder.set_address(address.data(), address.size());
  holder.set_serial("FLAT-1");
  holder.set_status(2);
  holder.set_roles(1 | 4);
  holder.set_phases(7);
  holder.set_wallet_balance(-5);
  holder.set_debt(UINT64_MAX);
  holder.add_registers()->set_whin(3500);
  holder.set_bill_hash(std::string(32, '\xab'));
  return holder;
}

TEST(Answers, CurrentCycleHasTheFieldsOfTheOriginalInItsSpelling) {
  EXPECT_EQ(current_cycle_json(cycle_78()).dump(),
            R"({"cycleID":"78","begin":"1666771200","end":"1666774799","whin":"5400","whout":"5400",)"
            R"("moneyin":"25240000","moneyout":"25240000","curency":"uelectra"})");
}

TEST(Answers, ABillingCycleIsValidAndPaidOnceItIsFinal) {
  wire::Cycle cycle = cycle_78();
  EXPECT_EQ(billing_cycle_json(cycle)["valid"], true);
  EXPECT_EQ(billing_cycle_json(cycle)["paid"], true);
  for (const char* state : {"open", "closed"}) {
    cycle.set_state(state);
    EXPECT_EQ(billing_cycle_json(cycle)["valid"], false) << state;
    EXPECT_EQ(billing_cycle_json(cycle)["paid"], false) << state;
  }
}

TEST(Answers, SixtyFourBitsAreStringsAndBytesAreHexOrAddresses) {
  const Json json = holder_json(holder_flat());
  EXPECT_EQ(json["slot"], 9);
  EXPECT_EQ(json["walletBalance"], "-5");
  EXPECT_EQ(json["debt"], "18446744073709551615");
  EXPECT_EQ(json["status"], "active");
  EXPECT_EQ(json["roles"], (std::vector<std::string>{"meter", "producer"}));
  EXPECT_EQ(json["phases"], (std::vector<int>{1, 2, 3}));
  EXPECT_EQ(json["registers"][0]["whin"], "3500");
  EXPECT_EQ(json["registers"][0]["whout"], "0");
  EXPECT_EQ(json["address"].get<std::string>().substr(0, 8), "electra1");
  EXPECT_EQ(json["billHash"].get<std::string>(),
            std::string("abababababababababababababababababababababababababababababababab"));
}

TEST(Answers, BalancesHaveTheShapeOfTheBankModule) {
  wire::Holder holder = holder_flat();
  holder.set_wallet_balance(1'500'000);
  EXPECT_EQ(balances_json(holder)["balances"].dump(), R"([{"denom":"uelectra","amount":"1500000"}])");
}

TEST(Answers, ADirectoryEntryHasNoPersonalData) {
  wire::Holder holder = holder_flat();
  Json json = meter_directory_json(holder);
  EXPECT_EQ(json["barcodeserial"], "FLAT-1");
  EXPECT_EQ(json["active"], true);
  EXPECT_EQ(json["triphased"], true);
  EXPECT_EQ(json["phasenbmono"], "0");
  for (const char* key : {"model", "address", "ownerlastname", "ownerfirstname", "ownerphone", "gpsjson"}) {
    EXPECT_EQ(json[key], "") << key;
  }
  holder.set_phases(2);
  holder.set_status(3);
  json = meter_directory_json(holder);
  EXPECT_EQ(json["triphased"], false);
  EXPECT_EQ(json["phasenbmono"], "2");
  EXPECT_EQ(json["active"], false);
}

TEST(Answers, AreFlattenedForPeople) {
  const Json json = {{"a", {{"b", "text"}, {"c", 5}}}, {"d", {1, 2}}, {"e", Json::array()}, {"f", {{{"g", true}}}}};
  const auto pairs = flat_pairs(json);
  EXPECT_THAT(pairs, testing::Contains(testing::Pair("a.b", "text")));
  EXPECT_THAT(pairs, testing::Contains(testing::Pair("a.c", "5")));
  EXPECT_THAT(pairs, testing::Contains(testing::Pair("d", "1, 2")));
  EXPECT_THAT(pairs, testing::Contains(testing::Pair("e", "")));
}

TEST(HolderName, IsAnAddressASlotOrASerialNumber) {
  Bytes20 address{};
  address[0] = 1;
  EXPECT_EQ(parse_holder_name(proto::address_text(address))->address(), std::string(1, '\1') + std::string(19, '\0'));
  EXPECT_EQ(parse_holder_name("12")->slot(), 12U);
  EXPECT_EQ(parse_holder_name("H001")->serial(), "H001");
  EXPECT_EQ(parse_holder_name("serial:12")->serial(), "12");
  EXPECT_EQ(parse_holder_name("0")->serial(), "0");
  EXPECT_FALSE(parse_holder_name(""));
  EXPECT_FALSE(parse_holder_name("electra1notanaddress"));
}

}  // namespace
}  // namespace electra::app
