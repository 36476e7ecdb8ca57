#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "control_plane.h"
#include "daemon.h"
#include "tether/protocol/rest.h"

namespace tether::sim {

/// Reads an answer's bytes with the real parsers, as daemon/answer_reader.cpp does, and gives what is in them to the
/// engine piece by piece: call `arrive` once or several times, then `end`.
class AnswerReading {
 public:
  using Give = std::function<void(Daemon::Input)>;

  /// `packed`: batches as a real archive.
  AnswerReading(sync::SendRequest request, Answer answer, bool packed, Give give);
  AnswerReading(const AnswerReading&) = delete;
  AnswerReading& operator=(const AnswerReading&) = delete;

  /// So much of the body has come, from its beginning: the second of two calls names more than the first.
  void arrive(int percent);
  /// All that was whole of it, and how the request ended, which the engine is told.
  sync::RequestOutcome end();
  /// No more of it comes than has, and nobody says so: how a request ends that is given up.
  sync::RequestOutcome give_up();

  const sync::SendRequest& request() const { return request_; }
  const Answer& answer() const { return answer_; }

 private:
  template <class Row, class Parse, class HandOver>
  void read_rows(const char* member, Parse parse, HandOver hand_over);
  bool read_batch(int percent);
  bool read_whole();
  sync::RequestOutcome tell(sync::RequestOutcome outcome);

  sync::SendRequest request_;
  Answer answer_;
  bool packed_;
  Give give_;
  std::string body_;      ///< As much as ever comes.
  std::size_t read_ = 0;  ///< Bytes of it; of a batch that is not packed, documents.
  std::size_t rejected_ = 0;
  bool failed_ = false;
  std::function<void()> flush_;  ///< Listings: rows that were read are given.
  std::unique_ptr<protocol::ArrayScanner> scanner_;
};

}  // namespace tether::sim
