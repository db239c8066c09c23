// Vectors out of the files that the demo's embedding tool writes for COPY.
#pragma once

#include <string>

#include "vecs_file.h"

namespace vseg_bench {

// The last column, a vector, of every row of a file in PostgreSQL's binary COPY format. Throws
// std::runtime_error when the file is missing, empty or malformed.
Matrix<float> ReadCopiedVectors(const std::string& path);

}  // namespace vseg_bench
