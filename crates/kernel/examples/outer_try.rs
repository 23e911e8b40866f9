use fieldstone_kernel::bvh::Bvh;
use fieldstone_kernel::format::*;
use fieldstone_kernel::outer::*;
use fieldstone_kernel::*;
fn main() {
    for f in std::env::args().skip(1) {
        let m = Monitor::none(); let m = &m;
        let mesh = read_mesh(&std::fs::read(&f).unwrap(), MeshFormat::of_filename(&f).unwrap(), &MeshLimits::default(), m).unwrap();
        let t = std::time::Instant::now();
        let bvh = Bvh::build(&mesh, m).unwrap();
        let tb = t.elapsed();
        let r = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| outer(&mesh, &bvh, m).unwrap()));
        let name = f.rsplit('/').next().unwrap().split('.').next().unwrap().to_owned();
        match r {
            Ok(Faces::SomeInner(o)) => {
                println!("{name} {} {} {} {} {} {} {:?} {:?}", mesh.triangles.len(), o.mesh.signed_volume(), o.mesh.area(), o.mesh.triangles.len(), o.cut, o.dropped, tb, t.elapsed());
                write_mesh(&o.mesh, MeshFormat::Ply, &mut std::fs::File::create(format!("/tmp/law/out/{name}.ply")).unwrap()).unwrap();
            }
            Ok(Faces::AllOuter) => println!("{name} {} {} {} same - - {:?} {:?}", mesh.triangles.len(), mesh.signed_volume(), mesh.area(), tb, t.elapsed()),
            Ok(_) => println!("{name} toomany"),
            Err(_)=> println!("{name} PANIC"),
        }
    }
}
