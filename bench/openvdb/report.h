// What the OpenVDB workers share: the clock and the one JSON line they print.
#pragma once
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

inline double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// `more` is JSON that starts with a comma, or nothing.
inline void report(const std::vector<double>& times, const std::string& more) {
    double peak = 0;
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.rfind("VmHWM:", 0) == 0) peak = std::atof(line.c_str() + 6) / 1024.0;
    std::printf("{\"times\":[");
    for (size_t i = 0; i < times.size(); ++i) std::printf("%s%.6f", i ? "," : "", times[i]);
    std::printf("],\"rss_peak_mb\":%.1f%s}\n", peak, more.c_str());
}
