#pragma once

#include <prometheus/histogram.h>

/// How finely the histograms of Metrics tell durations, in seconds; internal.
namespace tether {

inline const prometheus::Histogram::BucketBoundaries& push_buckets() {
  static const prometheus::Histogram::BucketBoundaries kBuckets = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                                   0.25,  0.5,    1,     2.5,  5,     10,   30};
  return kBuckets;
}

inline const prometheus::Histogram::BucketBoundaries& commit_buckets() {
  static const prometheus::Histogram::BucketBoundaries kBuckets = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                                                   0.025,  0.05,    0.1,    0.25,  0.5,    1,     5};
  return kBuckets;
}

/// From a moment to the hour that a gateway may be away or a document may be waited for.
inline const prometheus::Histogram::BucketBoundaries& handling_buckets() {
  static const prometheus::Histogram::BucketBoundaries kBuckets = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,
                                                                   2.5,   5,    10,    30,   60,  300,  3600};
  return kBuckets;
}

/// From a moment to the days that a clock may be wrong or an outage may last.
inline const prometheus::Histogram::BucketBoundaries& age_buckets() {
  static const prometheus::Histogram::BucketBoundaries kBuckets = {0.01, 0.05, 0.1, 0.5, 1,   2,    5,
                                                                   10,   30,   60,  120, 600, 3600, 86'400};
  return kBuckets;
}

}  // namespace tether
