// Samples -> distances by OpenVDB: redistance sweep|rebuild FILE N REPS THREADS OUT prints one JSON line.
// FILE and OUT hold N³ float32, spacing 1. sweep: fast sweeping of every sample; rebuild: levelSetRebuild, ±3 cells.
// The sparse grid is filled from the file, and its values are copied back, outside the clock.
#include <openvdb/openvdb.h>
#include <openvdb/tools/Dense.h>
#include <openvdb/tools/FastSweeping.h>
#include <openvdb/tools/LevelSetRebuild.h>
#include <openvdb/version.h>
#include <tbb/global_control.h>

#include "report.h"

int main(int argc, char** argv) {
    if (argc != 7) { std::fprintf(stderr, "usage: redistance sweep|rebuild FILE N REPS THREADS OUT\n"); return 2; }
    const bool sweep = std::string(argv[1]) == "sweep";
    const int n = std::atoi(argv[3]), reps = std::atoi(argv[4]);
    tbb::global_control limit(tbb::global_control::max_allowed_parallelism, std::strtoul(argv[5], nullptr, 10));
    openvdb::initialize();
    const openvdb::CoordBBox box(openvdb::Coord(0), openvdb::Coord(n - 1));
    // Its default layout has z fastest, as the file has.
    openvdb::tools::Dense<float> samples(box);
    const auto bytes = static_cast<std::streamsize>(samples.valueCount() * sizeof(float));
    std::ifstream in(argv[2], std::ios::binary);
    if (!in.read(reinterpret_cast<char*>(samples.data()), bytes)) { std::fprintf(stderr, "cannot read %s\n", argv[2]); return 1; }
    auto given = openvdb::FloatGrid::create(1e9f);
    openvdb::tools::copyFromDense(samples, *given, 0.0f);
    given->setGridClass(openvdb::GRID_LEVEL_SET);
    std::vector<double> times;
    openvdb::FloatGrid::Ptr result;
    for (int r = -1; r < reps; ++r) {  // the first call warms up
        result.reset();
        const auto start = std::chrono::steady_clock::now();
        result = sweep ? openvdb::tools::sdfToSdf(*given, 0.0f, 1) : openvdb::tools::levelSetRebuild(*given, 0.0f, 3.0f);
        if (r >= 0) times.push_back(seconds_since(start));
    }
    openvdb::tools::copyToDense(*result, samples);
    std::ofstream out(argv[6], std::ios::binary);
    out.write(reinterpret_cast<const char*>(samples.data()), bytes);
    report(times, ",\"version\":\"" + std::string(openvdb::getLibraryAbiVersionString()) + "\"");
    return out ? 0 : 1;
}
