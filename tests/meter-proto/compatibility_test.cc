// electra.meter and electra.voter: names, numbers and types are what users of the original Electra know.
#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>

#include "electra/meter.pb.h"
#include "electra/voter.pb.h"
#include "tests/meter-proto/support.h"

namespace electra {
namespace {

// The wire check: this reading, these 72 bytes.
TEST(Compatibility, MsgRecordHasTheKnownBytes) {
  meter::MsgRecord record;
  record.set_creator("electra16n5tnkck6rcg7gxmalc057daputvac5pzjeal9");
  record.set_timestamp(1666772865);
  record.set_phase(1);
  record.set_whin(3500);
  record.set_whout(0);
  record.set_mvolt(230000);
  record.set_mhertz(50000);
  record.set_mpf(958);
  record.set_maxmi(16);
  const test::Bytes bytes = test::serialized(record);
  EXPECT_EQ(bytes.size(), 72u);
  EXPECT_EQ(
      to_hex(bytes),
      "0a2e656c656374726131366e35746e6b636b367263673767786d616c63303537646170757476616335707a6a65616c391081dfe39a0618"
      "0120ac1b30f0840e38d0860340be074810");
}

struct MessageCase {
  const google::protobuf::Descriptor* descriptor;
  const char* fields;  // in the order of their numbers, which begin at 1 without a gap
};

TEST(Compatibility, FieldsHaveTheirNamesAndNumbers) {
  const std::string registers[] = {"whin", "whout", "mvolt", "mhertz", "mpf", "maxmi"};
  std::string record3 = "creator timestamp";
  for (const char phase : {'1', '2', '3'}) {
    for (const std::string& name : registers) record3.append(" ").append(name).push_back(phase);
  }
  const std::string offer =
      "contractID contractDeviceID contractName contractActive contractPhase contractForAll contractForAllPrice "
      "contractForAllCurency contractForAllActivePeriod contractPreferred contractPreferredPrice "
      "contractPreferredActivePeriod contractPreferredCurency contractStartDate contractEndDate phase1RemainingWh "
      "phase2RemainingWh phase3RemainingWh";
  const std::string agreement =
      "consumerDeviceID agreementID agreementActive contractID producerDeviceID agreementStartDate agreementEndDate "
      "contractPreferredPrice contractPreferredCurency";
  const std::string cycle = "cycleID begin end whin whout moneyin moneyout curency valid paid";
  const std::pair<const google::protobuf::Descriptor*, std::string> cases[] = {
      {meter::MsgRecord::descriptor(), "creator timestamp phase whin whout mvolt mhertz mpf maxmi"},
      {meter::MsgRecord3::descriptor(), record3},
      {meter::MsgPrepareBill::descriptor(), "creator cycleID record executePayment"},
      {meter::MsgPrepareBillResponse::descriptor(), "jsonCustomerbill jsonProducerbill comment"},
      {meter::Meterreadings::descriptor(), "deviceID timestamp phase whin whout mvolt mhertz mpf maxmi"},
      {meter::Meterdirectory::descriptor(),
       "deviceID barcodeserial model installationdate address ownerlastname ownerfirstname ownerphone gpsjson active "
       "triphased phasenbmono"},
      {meter::PowerPurchaseContract::descriptor(), offer + " creator"},
      {meter::MsgCreatePowerPurchaseContract::descriptor(), "creator " + offer},
      {meter::MsgUpdatePowerPurchaseContract::descriptor(), "creator " + offer},
      {meter::MsgDeletePowerPurchaseContract::descriptor(), "creator contractID contractDeviceID"},
      {meter::PpaMap::descriptor(), agreement + " creator"},
      {meter::MsgCreatePpaMap::descriptor(), "creator " + agreement},
      {meter::MsgUpdatePpaMap::descriptor(), "creator " + agreement},
      {meter::MsgDeletePpaMap::descriptor(), "creator consumerDeviceID agreementID agreementActive contractID"},
      {meter::Billingcycles::descriptor(), cycle + " creator"},
      {meter::MsgCreateBillingcycles::descriptor(), "creator " + cycle},
      {meter::MsgUpdateBillingcycles::descriptor(), "creator " + cycle},
      {meter::Customerbillingline::descriptor(),
       "customerDeviceID cycleID lineid paid producerDeviceID billContractID lineWh lineWhPrice curency "
       "lineWhTotalPrice phase creator"},
      {meter::Producerbillingline::descriptor(),
       "producerDeviceID cycleID lineid paid customerDeviceID billContractID lineWh lineWhPrice curency "
       "lineWhTotalPrice phase creator"},
      {meter::Customerbills::descriptor(),
       "billCycleID customerDeviceID billDate billTotalWh billTotalPrice billCurrency billValid paid creator"},
      {meter::Producerbills::descriptor(),
       "billCycleID producerDeviceID billDate billTotalWh billTotalPrice billCurrency billValid paid creator"},
      {voter::Poll::descriptor(), "id title options creator"},
      {voter::Vote::descriptor(), "id pollID option creator"},
      {voter::MsgCreatePoll::descriptor(), "creator title options"},
      {voter::MsgUpdatePoll::descriptor(), "creator id title options"},
      {voter::MsgDeletePoll::descriptor(), "creator id"},
      {voter::MsgCreateVote::descriptor(), "creator pollID option"},
      {voter::MsgUpdateVote::descriptor(), "creator id pollID option"},
      {voter::MsgDeleteVote::descriptor(), "creator id"},
  };
  for (const auto& [descriptor, expected] : cases) {
    std::string fields;
    for (int number = 1; number <= descriptor->field_count(); ++number) {
      const auto* field = descriptor->FindFieldByNumber(number);
      ASSERT_NE(field, nullptr) << descriptor->full_name() << " has a gap at " << number;
      EXPECT_EQ(field->json_name(), field->name()) << "JSON keeps the spelling";
      using google::protobuf::FieldDescriptor;
      EXPECT_THAT(field->type(), testing::AnyOf(FieldDescriptor::TYPE_UINT64, FieldDescriptor::TYPE_STRING,
                                                FieldDescriptor::TYPE_BOOL))
          << field->full_name();
      fields.append(fields.empty() ? "" : " ").append(field->name());
    }
    EXPECT_EQ(fields, expected) << descriptor->full_name();
  }
  EXPECT_EQ(voter::Vote::descriptor()->FindFieldByName("pollID")->type(),
            google::protobuf::FieldDescriptor::TYPE_STRING);
  EXPECT_TRUE(voter::Poll::descriptor()->FindFieldByName("options")->is_repeated());
}

TEST(Compatibility, JsonKeepsTheSpellingAndWritesIntegersAsStrings) {
  meter::PowerPurchaseContract offer;
  offer.set_contractid("A1");
  offer.set_contractforallprice(12000);
  offer.set_contractforallcurency("uelectra");
  std::string json;
  ASSERT_TRUE(google::protobuf::util::MessageToJsonString(offer, &json).ok());
  EXPECT_EQ(json, R"({"contractID":"A1","contractForAllPrice":"12000","contractForAllCurency":"uelectra"})");
}

}  // namespace
}  // namespace electra
