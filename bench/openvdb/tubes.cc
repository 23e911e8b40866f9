// A body-centred lattice of 4,096 struts as OpenVDB's tube complex: tubes N REPS THREADS prints one JSON line.
// Eight cells along each axis of [-0.5, 0.5]³, radius 0.01, band ±3 cells of a grid with N samples along each axis.
// Tubes came with OpenVDB 12.1; where its headers lack them the line says "missing".
#include <openvdb/openvdb.h>
#include <openvdb/version.h>
#if __has_include(<openvdb/tools/LevelSetTubes.h>)
// An older library beside newer headers has no instance of its own.
#undef OPENVDB_USE_EXPLICIT_INSTANTIATION
#include <openvdb/tools/LevelSetTubes.h>
#define HAS_TUBES 1
#endif
#include <tbb/global_control.h>

#include "report.h"

#ifdef HAS_TUBES
int main(int argc, char** argv) {
    if (argc != 4) { std::fprintf(stderr, "usage: tubes N REPS THREADS\n"); return 2; }
    const int n = std::atoi(argv[1]), reps = std::atoi(argv[2]), m = 8;
    tbb::global_control limit(tbb::global_control::max_allowed_parallelism, std::strtoul(argv[3], nullptr, 10));
    openvdb::initialize();
    std::vector<openvdb::Vec3s> nodes;
    std::vector<openvdb::Vec2I> edges;
    const float w = 1.0f / m;
    for (int k = 0; k <= m; ++k)
        for (int j = 0; j <= m; ++j)
            for (int i = 0; i <= m; ++i) nodes.emplace_back(i * w - 0.5f, j * w - 0.5f, k * w - 0.5f);
    const auto corner = [&](int i, int j, int k) { return static_cast<openvdb::Index32>((k * (m + 1) + j) * (m + 1) + i); };
    for (int c = 0; c < m * m * m; ++c) {
        const int i = c % m, j = c / m % m, k = c / m / m;
        const auto centre = static_cast<openvdb::Index32>(nodes.size());
        nodes.emplace_back((i + 0.5f) * w - 0.5f, (j + 0.5f) * w - 0.5f, (k + 0.5f) * w - 0.5f);
        for (int s = 0; s < 8; ++s) edges.emplace_back(centre, corner(i + (s & 1), j + (s >> 1 & 1), k + (s >> 2)));
    }
    std::vector<double> times;
    openvdb::Index64 active = 0;
    for (int r = -1; r < reps; ++r) {  // the first call warms up
        const auto start = std::chrono::steady_clock::now();
        const auto grid =
            openvdb::tools::createLevelSetTubeComplex<openvdb::FloatGrid>(nodes, edges, 0.01f, 1.0f / float(n - 1), 3.0f);
        if (r >= 0) times.push_back(seconds_since(start));
        active = grid->activeVoxelCount();
    }
    report(times, ",\"version\":\"" + std::string(openvdb::getLibraryAbiVersionString()) + "\",\"active\":" + std::to_string(active));
}
#else
int main() { std::printf("{\"times\":[],\"missing\":\"OpenVDB %s has no tubes\"}\n", openvdb::getLibraryAbiVersionString()); }
#endif
