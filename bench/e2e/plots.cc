#include "bench/e2e/plots.h"

#include <fmt/core.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdio>

namespace electra::bench {
namespace {

constexpr const char* kStyle =
    "set terminal svg noenhanced size 900,540 dynamic background rgb 'white' font 'sans-serif,13'\n"
    "set encoding utf8\nset grid ytics lc rgb '#dddddd'\nset border 3\nset tics nomirror\n";

// A shape of which nothing is demanded has no mark.
std::string mark(double demanded) { return demanded > 0 ? fmt::format("{}", demanded) : "NaN"; }

std::string throughput_script(const std::string& file, const std::vector<ShapeSummary>& shapes) {
  std::string data;
  int count = 0;
  for (const ShapeSummary& s : shapes) {
    if (s.shape.figure != Figure::rate_v) continue;
    ++count;
    data += fmt::format("\"{}\" {} {} {}\n", s.shape.name, s.ratio, mark(s.shape.bar), mark(s.shape.aim));
  }
  if (data.empty()) return {};
  return fmt::format(
      "{}set output '{}'\nset title 'Signed durable messages a second, in multiples of what libsodium verifies on one "
      "core (V)'\nset ylabel 'V'\nset yrange [0:*]\nset xrange [-0.6:{}]\nset boxwidth 0.5\nset style fill solid "
      "0.6\nset xtics rotate by "
      "-15\nset key top right\n$d << EOD\n{}EOD\n"
      "plot $d using 0:2:xtic(1) with boxes lc rgb '#3a7ca5' title 'measured', "
      "$d using 0:3:(0.3) with xerrorbars pt 0 lw 3 lc rgb '#d1495b' title 'at least', "
      "$d using 0:4:(0.3) with xerrorbars pt 0 lw 3 lc rgb '#2e933c' title 'aim'\n",
      kStyle, file, count - 0.4, data);
}

std::string latency_script(const std::string& file, const std::vector<ShapeSummary>& shapes) {
  std::string data;
  std::string plots;
  int index = 0;
  const auto add = [&](const std::string& title, const std::vector<CurvePoint>& curve) {
    if (curve.empty()) return;
    data += fmt::format("$d{} << EOD\n", index);
    for (const CurvePoint& point : curve) data += fmt::format("{:.6g} {:.6g}\n", 1 / (1 - point.share), point.us);
    data += "EOD\n";
    plots += fmt::format("{}$d{} using 1:2 with lines lw 2 title '{}'", index == 0 ? "plot " : ", ", index, title);
    ++index;
  };
  for (const ShapeSummary& s : shapes) {
    // Among others, those where full batches queue say nothing about latency.
    const RunPlan& plan = s.shape.measured.plan;
    if (shapes.size() > 1 && plan.rate_v == 0 && plan.load.batch > 1) continue;
    const ShapeRun& middle = s.middle();
    add(s.shape.name, middle.result.curve);
    if (middle.beside) add(s.shape.name + ", beside", middle.beside->curve);
  }
  if (index == 0) return {};
  return fmt::format(
      "{}set output '{}'\nset title 'Latency from the (intended) send time to the receipt of the durable message'\n"
      "set logscale xy\nset format y '%g'\nset xlabel 'share of messages'\nset ylabel 'µs'\nset xrange [2:10000]\n"
      "set xtics ('50 %%' 2, '90 %%' 10, '99 %%' 100, '99.9 %%' 1000, '99.99 %%' 10000)\nset key outside right\n"
      "{}{}\n",
      kStyle, file, data, plots);
}

std::string load_script(const std::string& file, const std::vector<LoadPoint>& points) {
  std::string data;
  for (const LoadPoint& point : points) {
    const Percentiles& l = point.result.latency;
    data += fmt::format("{} {} {} {} {}\n", point.offered_v, l.p50_us, l.p99_us, l.p999_us, l.p9999_us);
  }
  if (data.empty()) return {};
  return fmt::format(
      "{}set output '{}'\nset title 'Latency against offered load, open loop, 64 connections'\nset logscale y\nset "
      "format y '%g'\n"
      "set xlabel 'offered, V'\nset ylabel 'µs'\nset key top left\n$d << EOD\n{}EOD\n"
      "plot $d using 1:2 with linespoints lw 2 title 'p50', $d using 1:3 with linespoints lw 2 title 'p99', "
      "$d using 1:4 with linespoints lw 2 title 'p99.9', $d using 1:5 with linespoints lw 2 title 'p99.99'\n",
      kStyle, file, data);
}

std::string draw(const std::string& script) {
  if (script.empty()) return {};
  FILE* const gnuplot = popen("gnuplot", "w");
  if (gnuplot == nullptr) return "gnuplot cannot be started";
  std::fputs(script.c_str(), gnuplot);
  const int status = pclose(gnuplot);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127) return "there is no gnuplot (Debian: gnuplot-nox)";
  return status == 0 ? std::string() : "gnuplot failed";
}

}  // namespace

std::string draw_plots(const std::filesystem::path& directory, const std::vector<ShapeSummary>& shapes,
                       const std::vector<LoadPoint>& load_curve) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return fmt::format("{}: {}", directory.string(), error.message());
  const auto file = [&directory](const char* name) { return (directory / name).string(); };
  for (const std::string& script :
       {throughput_script(file("throughput.svg"), shapes), latency_script(file("latency.svg"), shapes),
        load_script(file("load.svg"), load_curve)}) {
    if (std::string text = draw(script); !text.empty()) return text;
  }
  return {};
}

}  // namespace electra::bench
