// Mesh -> narrow band by OpenVDB's meshToVolume: band STEM N REPS THREADS prints one JSON line.
// The band is ±3 cells; the mesh is moved to index space outside the clock, the sparse grid is left as it is.
#include <openvdb/openvdb.h>
#include <openvdb/tools/MeshToVolume.h>
#include <openvdb/version.h>
#include <tbb/global_control.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

template <typename T> static std::vector<T> load(const std::string& path) {
    std::ifstream in(path, std::ios::binary | std::ios::ate);
    if (!in) { std::fprintf(stderr, "cannot read %s\n", path.c_str()); std::exit(1); }
    std::vector<T> data(static_cast<size_t>(in.tellg()) / sizeof(T));
    in.seekg(0);
    in.read(reinterpret_cast<char*>(data.data()), static_cast<std::streamsize>(data.size() * sizeof(T)));
    return data;
}

static double rss_peak_mb() {
    std::ifstream in("/proc/self/status");
    for (std::string line; std::getline(in, line);)
        if (line.rfind("VmHWM:", 0) == 0) return std::atof(line.c_str() + 6) / 1024.0;
    return 0;
}

int main(int argc, char** argv) {
    if (argc != 5) { std::fprintf(stderr, "usage: band STEM N REPS THREADS\n"); return 2; }
    const std::string stem = argv[1];
    const int n = std::atoi(argv[2]), reps = std::atoi(argv[3]), threads = std::atoi(argv[4]);
    tbb::global_control limit(tbb::global_control::max_allowed_parallelism, static_cast<size_t>(threads));
    openvdb::initialize();

    const auto v = load<float>(stem + ".v.f32");
    const auto f = load<uint32_t>(stem + ".f.u32");
    double lo[3], hi[3], extent = 0;
    for (int a = 0; a < 3; ++a) {
        lo[a] = hi[a] = v[a];
        for (size_t i = a; i < v.size(); i += 3) { lo[a] = std::min<double>(lo[a], v[i]); hi[a] = std::max<double>(hi[a], v[i]); }
        extent = std::max(extent, hi[a] - lo[a]);
    }
    const double half = 0.55 * extent, h = 2 * half / (n - 1);
    std::vector<openvdb::Vec3s> points(v.size() / 3);
    for (size_t i = 0; i < points.size(); ++i)
        for (int a = 0; a < 3; ++a) points[i][a] = static_cast<float>((v[3 * i + a] - (0.5 * (lo[a] + hi[a]) - half)) / h);
    std::vector<openvdb::Vec3I> triangles(f.size() / 3);
    for (size_t i = 0; i < triangles.size(); ++i) triangles[i] = openvdb::Vec3I(f[3 * i], f[3 * i + 1], f[3 * i + 2]);

    const auto transform = openvdb::math::Transform::createLinearTransform(1.0);
    std::vector<double> times;
    openvdb::Index64 active = 0;
    for (int r = -1; r < reps; ++r) {  // the first call warms up
        const auto start = std::chrono::steady_clock::now();
        openvdb::tools::QuadAndTriangleDataAdapter<openvdb::Vec3s, openvdb::Vec3I> mesh(points, triangles);
        const auto grid = openvdb::tools::meshToVolume<openvdb::FloatGrid>(mesh, *transform, 3.0f, 3.0f);
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
        if (r >= 0) times.push_back(took.count());
        active = grid->activeVoxelCount();
    }
    std::printf("{\"times\":[");
    for (size_t i = 0; i < times.size(); ++i) std::printf("%s%.6f", i ? "," : "", times[i]);
    std::printf("],\"rss_peak_mb\":%.1f,\"version\":\"%s\",\"active\":%llu}\n", rss_peak_mb(),
                openvdb::getLibraryAbiVersionString(), static_cast<unsigned long long>(active));
}
